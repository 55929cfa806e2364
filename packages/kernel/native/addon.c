// Runs in: every ring3 process. Registers the bindings and checks their arguments.
#include "binding.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

void refuse(struct call *call, unsigned index, const char *expected) {
  if (call->refused) return;
  char message[160];
  snprintf(message, sizeof message, "%s: argument %u must be %s", call->name, index + 1, expected);
  napi_throw_type_error(call->env, "ERR_INVALID_ARG_TYPE", message);
  call->refused = true;
}

napi_valuetype kind_of(struct call *call, unsigned index) {
  napi_valuetype kind = napi_undefined;
  napi_typeof(call->env, call->arguments[index], &kind);
  return kind;
}

int64_t integer_argument(struct call *call, unsigned index, int64_t low, int64_t high) {
  double number;
  if (napi_get_value_double(call->env, call->arguments[index], &number) == napi_ok && trunc(number) == number &&
      number >= (double)low && number <= (double)high)
    return (int64_t)number;
  char expected[80];
  snprintf(expected, sizeof expected, "an integer from %lld to %lld", (long long)low, (long long)high);
  refuse(call, index, expected);
  return 0;
}

int int_argument(struct call *call, unsigned index) {
  return (int)integer_argument(call, index, INT_MIN, INT_MAX);
}

bool bool_argument(struct call *call, unsigned index) {
  bool value = false;
  if (napi_get_value_bool(call->env, call->arguments[index], &value) != napi_ok) refuse(call, index, "a boolean");
  return value;
}

struct bytes bytes_argument(struct call *call, unsigned index) {
  napi_typedarray_type type;
  struct bytes bytes = {0};
  void *data;
  if (napi_get_typedarray_info(call->env, call->arguments[index], &type, &bytes.length, &data, NULL, NULL) == napi_ok &&
      type == napi_uint8_array) {
    bytes.data = data;
    return bytes;
  }
  refuse(call, index, "a Uint8Array");
  return (struct bytes){0};
}

struct words words_argument(struct call *call, unsigned index, size_t least) {
  napi_typedarray_type type;
  struct words words = {0};
  void *data;
  if (napi_get_typedarray_info(call->env, call->arguments[index], &type, &words.length, &data, NULL, NULL) == napi_ok &&
      type == napi_int32_array && words.length >= least) {
    words.data = data;
    return words;
  }
  char expected[80];
  snprintf(expected, sizeof expected, "an Int32Array of at least %zu", least);
  refuse(call, index, expected);
  return (struct words){0};
}

int text_argument(struct call *call, unsigned index, char *out, size_t room) {
  size_t length = 0;
  if (napi_get_value_string_utf8(call->env, call->arguments[index], NULL, 0, &length) != napi_ok) {
    refuse(call, index, "a string");
    return 0;
  }
  if (length >= room) return -ENAMETOOLONG;
  napi_get_value_string_utf8(call->env, call->arguments[index], out, room, &length);
  if (memchr(out, 0, length)) refuse(call, index, "a string without NUL"); // C would see another, shorter one
  return 0;
}

size_t array_argument(struct call *call, unsigned index, size_t most) {
  bool is_array = false;
  uint32_t length = 0;
  napi_is_array(call->env, call->arguments[index], &is_array);
  if (is_array) napi_get_array_length(call->env, call->arguments[index], &length);
  if (is_array && length <= most) return length;
  char expected[80];
  snprintf(expected, sizeof expected, "an array of at most %zu", most);
  refuse(call, index, expected);
  return 0;
}

void *handle_argument(struct call *call, unsigned index, const napi_type_tag *tag) {
  bool ours = false;
  void *data = NULL;
  if (kind_of(call, index) == napi_external) {
    napi_check_object_type_tag(call->env, call->arguments[index], tag, &ours);
    if (ours) napi_get_value_external(call->env, call->arguments[index], &data);
  }
  if (!data) refuse(call, index, "a handle of the right kind");
  return data;
}

napi_value create_handle(napi_env env, void *data, napi_finalize finalize, const napi_type_tag *tag) {
  napi_value value;
  if (napi_create_external(env, data, finalize, NULL, &value) != napi_ok) return NULL;
  napi_type_tag_object(env, value, tag);
  return value;
}

static napi_value invoke(napi_env env, napi_callback_info info) {
  struct call call = {.env = env};
  size_t count = MAX_ARGUMENTS;
  void *data;
  napi_get_cb_info(env, info, &count, call.arguments, NULL, &data);
  const struct binding *binding = data;
  call.name = binding->name;
  int64_t result = binding->run(&call);
  if (call.refused || call.value) return call.value;
  napi_value number;
  return napi_create_int64(env, result, &number) == napi_ok ? number : NULL;
}

static bool define(napi_env env, napi_value target, const struct binding *table) {
  for (const struct binding *binding = table; binding->name; binding++) {
    napi_value function;
    if (napi_create_function(env, binding->name, NAPI_AUTO_LENGTH, invoke, (void *)binding, &function) != napi_ok ||
        napi_set_named_property(env, target, binding->name, function) != napi_ok)
      return false; // the engine's own exception is pending
  }
  return true;
}

NAPI_MODULE_INIT() {
  if (instance_setup(env) < 0) {
    napi_throw_error(env, NULL, "kernel.node: no event loop, or no descriptors left for it");
    return NULL;
  }
  const struct binding *tables[] = {fd_bindings,      memory_bindings,  socket_bindings, poll_bindings, bell_bindings,
                                    process_bindings, netlink_bindings, usbfs_bindings, stack_bindings, uring_bindings};
  for (size_t table = 0; table < sizeof tables / sizeof *tables; table++)
    if (!define(env, exports, tables[table])) return NULL;
#ifdef RING3_PROBE
  napi_value global; // a driver has no way to this module's exports
  if (napi_get_global(env, &global) != napi_ok || !define(env, global, probe_bindings)) return NULL;
#endif
  return exports;
}
