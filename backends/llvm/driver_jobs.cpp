// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "backends/llvm/driver_emitter.h"

namespace rondo::codegen {

void DriverEmitter::call_jobs(const JobGroup& group) {
  std::vector<llvm::Value*> values;
  for (const ir::Op* job : group.jobs) {
    for (const ir::Value* operand : job->operands) values.push_back(pointer(operand));
    for (llvm::Value* result : result_buffers(*job)) values.push_back(result);
  }
  call_shares(kRunJobsField, group_numbers_.at(group.jobs[0]), values);
}

void DriverEmitter::emit_jobs(const JobGroup& group) {
  int64_t at = 0;  // among the values of all jobs
  for (size_t i = 0; i < group.jobs.size(); ++i) {
    const ir::Op& job = *group.jobs[i];
    const ir::Graph& body = *job.regions[0];
    llvm::Function* function = begin("job" + std::to_string(group.first + i), b_.getVoidTy(),
                                     llvm::Function::ExternalLinkage, {b_.getPtrTy()});
    const auto next = [&] { return field(function->getArg(1), at++); };
    for (size_t k = 0; k < job.operands.size(); ++k) {
      const ir::Value* param = body.param(static_cast<int>(k));
      pointers_[param] = next();
      keep_slots(job.operands[k], param);
    }
    std::vector<llvm::Value*> results;
    for (size_t k = 0; k < job.results.size(); ++k) {
      results.push_back(scope_[passes::buffer_of(*job.results[k])] = next());
      keep_slots(job.results[k].get(), body.results[k]);
    }
    emit_all(body);
    for (size_t k = 0; k < results.size(); ++k) deliver(body.results[k], results[k]);
    b_.CreateRetVoid();
    scope_.clear();
  }
}

}  // namespace rondo::codegen
