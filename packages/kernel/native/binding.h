// Runs in: every ring3 process. How a system call becomes a JavaScript function: checked arguments in, a number >= 0 or a negative errno out.
#pragma once

#define NAPI_VERSION 9
#include <errno.h>
#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MAX_ARGUMENTS = 7 };

struct call {
  napi_env env;
  const char *name;
  napi_value arguments[MAX_ARGUMENTS]; // those that the caller left out are undefined
  napi_value value;                    // set by a binding whose answer is not a number
  bool refused;                        // a TypeError is pending: return without acting
};

// One JavaScript function. Each file ends in a table of them, closed by an entry without a name.
struct binding {
  const char *name;
  int64_t (*run)(struct call *call);
};
extern const struct binding fd_bindings[], memory_bindings[], socket_bindings[], poll_bindings[],
    process_bindings[], netlink_bindings[], usbfs_bindings[], stack_bindings[];
extern const struct binding probe_bindings[]; // where RING3_PROBE is defined

struct bytes {
  uint8_t *data; // may be NULL when length is 0
  size_t length;
};
struct words {
  int32_t *data;
  size_t length;
};

#define REFUSED(call) \
  if ((call)->refused) return -EINVAL

void refuse(struct call *call, unsigned index, const char *expected);
napi_valuetype kind_of(struct call *call, unsigned index);
int64_t integer_argument(struct call *call, unsigned index, int64_t low, int64_t high);
int int_argument(struct call *call, unsigned index);
bool bool_argument(struct call *call, unsigned index);
struct bytes bytes_argument(struct call *call, unsigned index);
struct words words_argument(struct call *call, unsigned index, size_t least);
int text_argument(struct call *call, unsigned index, char *out, size_t room); // 0 or -ENAMETOOLONG
size_t array_argument(struct call *call, unsigned index, size_t most);

// A C structure behind an opaque JavaScript value. The tag keeps one kind of handle from being taken for another.
void *handle_argument(struct call *call, unsigned index, const napi_type_tag *tag);
napi_value create_handle(napi_env env, void *data, napi_finalize finalize, const napi_type_tag *tag);

// -1 with errno, as libc answers, into a negative errno.
static inline int64_t answer(int64_t result) { return result < 0 ? -errno : result; }

int poll_setup(napi_env env); // once an environment: 0 or a negative errno
