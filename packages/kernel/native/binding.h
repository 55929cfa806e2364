// Runs in: every ring3 process. How a system call becomes a JavaScript function: checked arguments in, a number >= 0 or a negative errno out.
#pragma once

#define NAPI_VERSION 9
#include <errno.h>
#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

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
    bell_bindings[], process_bindings[], netlink_bindings[], usbfs_bindings[], stack_bindings[],
    uring_bindings[];
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

// One environment's (the main thread's or a worker's): its event loop, and all that is waited for.
struct instance {
  napi_env env;
  uv_loop_t *loop;
  unsigned handles;                        // of libuv, not closed
  napi_async_cleanup_hook_handle teardown; // once it is under way
  struct source *sources;
  unsigned referenced; // sources that keep the loop going
  struct bell *bells;  // of the sources
  unsigned polled;     // bells that are not to be slept for
  int epoll;
  int alarm;    // a timerfd in it, for libuv's next timer
  uint64_t due; // of the alarm, on the loop's clock; 0: not set
  uv_prepare_t before_poll;
  uv_idle_t others_ready;                  // active: libuv looks without waiting
  unsigned yields_to_skip, yields_skipped; // waits without a yield: still to come, and the last time
  uint64_t yield_again_us;
  unsigned served; // times that there were news, since the descriptors were looked at
  uint64_t news_us; // the last news, where a bell is polled
};

// A descriptor that is waited for; the first member of what it belongs to, which is one piece of memory.
struct source {
  struct instance *instance;
  struct source *next;
  napi_ref callback;
  void (*ready)(struct source *source, uint32_t events);
  void (*release)(struct source *source); // it has stopped: what else it holds
  int fd;
  uint32_t events; // epoll's; 0: not in the set
  bool referenced, counted, stopped;
  bool dropped; // the garbage collector has let go
  bool kept;    // for ever: an event may still name it
};

int instance_setup(napi_env env); // 0 or a negative errno
struct instance *instance_of(napi_env env);
void call_back(napi_env env, napi_ref function, uint32_t what); // what it throws becomes an uncaught exception

// Owns `source` from now on. Sets call->value to its handle; 0 or a negative errno. `callback`: which argument.
int source_start(struct call *call, struct source *source, unsigned callback, const napi_type_tag *tag, uint32_t events);
int source_set(struct source *source, uint32_t events);
void source_reference(struct source *source, bool on);
int source_stop(struct source *source); // the descriptor may be closed right after, and not before

bool bells_have_news(const struct instance *instance);
bool bells_expect_news(const struct instance *instance);
bool bells_polled_for_news(const struct instance *instance);
bool bells_serve(struct instance *instance); // true: there were news
void bells_park(struct instance *instance);  // or wakes
