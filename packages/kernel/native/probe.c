// Runs in: the driver hosts of `ring3 probe`, and nowhere else: only its build of the addon has this file. Any system call, as
// JavaScript words it: `syscall(nr, …)` takes integers, bigints and memory, whose address is passed on.
#include "binding.h"

#include <unistd.h>

enum { SYSCALL_ARGUMENTS = 6 };

static long word_argument(struct call *call, unsigned index) {
  napi_env env = call->env;
  napi_value value = call->arguments[index];
  int64_t word = 0;
  bool exact, memory = false;
  void *address = NULL;
  if (kind_of(call, index) == napi_undefined || napi_get_value_int64(env, value, &word) == napi_ok ||
      napi_get_value_bigint_int64(env, value, &word, &exact) == napi_ok)
    return (long)word;
  if (napi_is_typedarray(env, value, &memory) == napi_ok && memory)
    napi_get_typedarray_info(env, value, NULL, NULL, &address, NULL, NULL);
  else if (napi_get_arraybuffer_info(env, value, &address, NULL) != napi_ok)
    refuse(call, index, "an integer, a bigint, a typed array or an ArrayBuffer");
  return (long)address;
}

static int64_t bind_syscall(struct call *call) {
  int nr = int_argument(call, 0);
  long words[SYSCALL_ARGUMENTS];
  for (unsigned index = 0; index < SYSCALL_ARGUMENTS; index++) words[index] = word_argument(call, index + 1);
  REFUSED(call);
  return answer(syscall(nr, words[0], words[1], words[2], words[3], words[4], words[5]));
}

const struct binding probe_bindings[] = {{"syscall", bind_syscall}, {0}};
