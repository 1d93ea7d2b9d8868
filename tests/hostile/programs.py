# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Texts of large programs and of hostile ones, which the tests beside this file give to the tools."""


def function(params, results, body, returned):
    return "rondo 0.1\n\nfunc @f(%s) -> (%s) {\n%s\n  return %s\n}\n" % (params, results, "\n".join(body), returned)


def chain(n, op="neg %{}"):
    """Each op reads the one before."""
    names = ["x"] + [f"v{i}" for i in range(n)]
    return function("%x: f32[B]", "f32[B]", [f"  %{names[i + 1]} = {op.format(names[i])}" for i in range(n)],
                    f"%{names[-1]}")


def sum_of_terms(n):
    """One value is read by n ops, whose results are added up."""
    body = [f"  %v{i} = mul %x, {i % 97 + 2}.0" for i in range(n)]
    body += [f"  %s{i} = add %{'v0' if i == 1 else f's{i - 1}'}, %v{i}" for i in range(1, n)]
    return function("%x: f32[B]", "f32[B]", body, f"%s{n - 1}")


def concat(n):
    """One op reads n values."""
    body = [f"  %v{i} = mul %x, {i % 97 + 2}.0" for i in range(n)]
    body.append("  %y = concat " + ", ".join(f"%v{i}" for i in range(n)) + " dim(0)")
    return function("%x: f32[B]", f"f32[{n}*B]", body, "%y")


def split(n):
    """One op makes n values; each is read by another."""
    body = ["  " + ", ".join(f"%p{i}" for i in range(n)) + " = split %x dim(0) sizes([" + ",".join(["1"] * n) + "])"]
    body += [f"  %v{i} = neg %p{i}" for i in range(n)]
    return function(f"%x: f32[{n},B]", ", ".join(["f32[1,B]"] * n), body, ", ".join(f"%v{i}" for i in range(n)))


def params(n):
    """A function of n parameters, all donated, each of a size of its own."""
    return function(", ".join(f"%x{i}: f32[B{i}] donate" for i in range(n)), ", ".join(f"f32[B{i}]" for i in range(n)),
                    [f"  %y{i} = neg %x{i}" for i in range(n)], ", ".join(f"%y{i}" for i in range(n)))


def carries(n):
    """A scan of n carries and stacks, each the next one's."""
    def all(form):
        return ", ".join(form.format(i, (i + 1) % n) for i in range(n))
    body = ["  " + all("%h{0}") + ", " + all("%s{0}") + " = scan T index(%t) over(%xt = %x) carry(" + all("%c{0} = %y") +
            ") use() {"]
    body += [f"    %d{i} = add %c{(i + 1) % n}, %xt" for i in range(n)]
    body.append("    yield carry(" + all("%d{0}") + ") stack(" + all("%c{1}") + ")\n  }")
    return function("%x: f32[T,B], %y: f32[B]", ", ".join(["f32[B]"] * n + ["f32[T,B]"] * n), body,
                    all("%h{0}") + ", " + all("%s{0}"))


def scan(length, steps):
    """One scan within another, `steps` deep."""
    body = "%d = tanh %c\nyield carry(%d) stack()"
    for _ in range(steps):
        body = f"%d = scan {length} index(%t) over() carry(%c = %c) use() {{\n{body}\n}}\nyield carry(%d) stack()"
    return function("%c: f32[B]", "f32[B]", [body[:body.rindex("\n")]], "%d")


def conds(deep):
    body = "%y = tanh %a"
    for _ in range(deep):
        body = f"%y = cond %p use(%a = %a, %p = %p) then {{\n{body}\nyield (%y)\n}} else {{\nyield (%a)\n}}"
    return function("%a: f32[B], %p: i1[]", "f32[B]", [body], "%y")


def doubled(times):
    """A concat of a value with itself, again and again."""
    names = ["x"] + [f"v{i}" for i in range(times)]
    body = [f"  %{names[i + 1]} = concat %{names[i]}, %{names[i]} dim(0)" for i in range(times)]
    return function("%x: f32[B]", "f32[]", body + [f"  %y = reduce_sum %{names[-1]} dims([0])"], "%y")


def broadcast(size):
    return function("%x: f32[]", f"f32[{size}]", [f"  %y = broadcast %x dims([]) : f32[{size}]"], "%y")


def copied_into_each(views, readers):
    """A row of views that each of many loops would copy."""
    body = ["  %k0 = iota dim(0) : i32[B]"]
    body += [f"  %k{i + 1} = broadcast %k{i} dims([0]) : i32[B]" for i in range(views)]
    last = "n"
    for i in range(readers):
        body.append(f"  %a{i} = add %{last}, %k{views}\n  %g{i} = gather %a{i}, %n axis(0) batch_dims(0)")
        last = f"g{i}"
    return function("%n: i32[B]", "i32[B]", body, f"%{last}")


def endless():
    return function("%x: f32[]", "f32[]", ["  %y = while carry(%c = %x) use() test {\n    %p = compare %c, %c is(eq)\n"
                                           "    yield (%p)\n  } do {\n    yield carry(%c)\n  }"], "%y")
