// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "rondo/array.h"
#include "rondo/batches.h"
#include "rondo/compile.h"
#include "rondo/control.h"
#include "rondo/functions.h"
#include "rondo/grad.h"
#include "rondo/init.h"
#include "rondo/losses.h"
#include "rondo/nn.h"
#include "rondo/optimizers.h"
#include "rondo/param.h"
#include "rondo/scan.h"
#include "rondo/synthetic.h"
#include "rondo/tensor.h"
#include "rondo/weights.h"
