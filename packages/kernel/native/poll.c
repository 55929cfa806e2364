// Runs in: every ring3 process. Descriptors watched by the event loop itself (uv_poll): no thread, no hop.
#include "binding.h"

#include <stdlib.h>
#include <uv.h>

// One watched descriptor. Freed once both the loop and JavaScript have let go of it.
struct poll {
  uv_poll_t handle;
  struct instance *instance;
  struct poll *next;
  napi_ref callback;
  bool stopped;  // by pollStop or teardown: uv_close is under way or done
  bool closed;   // the loop has let go
  bool dropped;  // the garbage collector has let go
};

// One environment: the main thread's or a worker's.
struct instance {
  napi_env env;
  uv_loop_t *loop;
  struct poll *polls; // those the loop holds
  napi_async_cleanup_hook_handle teardown;
};

static const napi_type_tag POLL_TAG = {0x72696e6733000001, 0x706f6c6c00000001};

static void drop(napi_env env, void *data, void *hint) {
  (void)env, (void)hint;
  struct poll *poll = data;
  poll->dropped = true;
  if (poll->closed) free(poll);
}

static void end_teardown(struct instance *instance) {
  napi_async_cleanup_hook_handle teardown = instance->teardown;
  free(instance);
  napi_remove_async_cleanup_hook(teardown);
}

static void on_closed(uv_handle_t *handle) {
  struct poll *poll = handle->data;
  struct instance *instance = poll->instance;
  struct poll **link = &instance->polls;
  while (*link != poll) link = &(*link)->next;
  *link = poll->next;
  poll->closed = true;
  if (poll->dropped) free(poll);
  if (instance->teardown && !instance->polls) end_teardown(instance);
}

// uv_close takes the descriptor out of epoll at once, so the caller may close it right away.
static void stop(struct poll *poll) {
  if (poll->stopped) return;
  poll->stopped = true;
  napi_delete_reference(poll->instance->env, poll->callback);
  uv_close((uv_handle_t *)&poll->handle, on_closed);
}

static void on_teardown(napi_async_cleanup_hook_handle handle, void *data) {
  struct instance *instance = data;
  instance->teardown = handle;
  for (struct poll *poll = instance->polls; poll; poll = poll->next) stop(poll);
  if (!instance->polls) end_teardown(instance);
}

int poll_setup(napi_env env) {
  struct instance *instance = calloc(1, sizeof *instance);
  if (!instance) return -ENOMEM;
  instance->env = env;
  if (napi_get_uv_event_loop(env, &instance->loop) == napi_ok &&
      napi_set_instance_data(env, instance, NULL, NULL) == napi_ok &&
      napi_add_async_cleanup_hook(env, on_teardown, instance, NULL) == napi_ok)
    return 0;
  free(instance);
  return -EINVAL;
}

static void on_ready(uv_poll_t *handle, int status, int events) {
  struct poll *poll = handle->data;
  napi_env env = poll->instance->env;
  napi_handle_scope scope;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  napi_value callback, receiver, arguments[2], error;
  bool thrown = false;
  napi_get_reference_value(env, poll->callback, &callback);
  napi_get_global(env, &receiver); // napi_make_callback fails without a word if the receiver is undefined
  napi_create_int32(env, status, &arguments[0]);
  napi_create_int32(env, events, &arguments[1]);
  napi_make_callback(env, NULL, receiver, callback, 2, arguments, NULL);
  napi_is_exception_pending(env, &thrown);
  if (thrown && napi_get_and_clear_last_exception(env, &error) == napi_ok)
    napi_fatal_exception(env, error); // 'uncaughtException', as from any other callback
  napi_close_handle_scope(env, scope);
}

static int64_t bind_poll_start(struct call *call) {
  int fd = int_argument(call, 0);
  int events = (int)integer_argument(call, 1, 0, UV_READABLE | UV_WRITABLE | UV_DISCONNECT);
  if (kind_of(call, 2) != napi_function) refuse(call, 2, "a function");
  REFUSED(call);
  struct instance *instance;
  napi_get_instance_data(call->env, (void **)&instance);
  struct poll *poll = calloc(1, sizeof *poll);
  if (!poll) return -ENOMEM;
  poll->instance = instance;
  poll->handle.data = poll;
  int error = uv_poll_init(instance->loop, &poll->handle, fd);
  if (error < 0) { // -EEXIST: this loop watches the descriptor already
    free(poll);
    return error;
  }
  poll->next = instance->polls;
  instance->polls = poll;
  napi_create_reference(call->env, call->arguments[2], 1, &poll->callback);
  error = uv_poll_start(&poll->handle, events, on_ready);
  call->value = error < 0 ? NULL : create_handle(call->env, poll, drop, &POLL_TAG);
  if (call->value) return 0;
  poll->dropped = true; // JavaScript never had it
  stop(poll);
  return error < 0 ? error : -ENOMEM;
}

static int64_t bind_poll_set(struct call *call) {
  struct poll *poll = handle_argument(call, 0, &POLL_TAG);
  int events = (int)integer_argument(call, 1, 0, UV_READABLE | UV_WRITABLE | UV_DISCONNECT);
  REFUSED(call);
  return poll->stopped ? -EBADF : uv_poll_start(&poll->handle, events, on_ready);
}

static int64_t bind_poll_stop(struct call *call) {
  struct poll *poll = handle_argument(call, 0, &POLL_TAG);
  REFUSED(call);
  stop(poll);
  return 0;
}

static int64_t bind_poll_ref(struct call *call) {
  struct poll *poll = handle_argument(call, 0, &POLL_TAG);
  bool keeps_loop_alive = bool_argument(call, 1);
  REFUSED(call);
  if (poll->stopped) return -EBADF;
  (keeps_loop_alive ? uv_ref : uv_unref)((uv_handle_t *)&poll->handle);
  return 0;
}

const struct binding poll_bindings[] = {
    {"pollStart", bind_poll_start},
    {"pollSet", bind_poll_set},
    {"pollStop", bind_poll_stop},
    {"pollRef", bind_poll_ref},
    {0},
};
