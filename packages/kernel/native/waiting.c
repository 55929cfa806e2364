// Runs in: every ring3 process. All waiting of an event loop: for descriptors, for peers with whom memory is shared, and for whatever else libuv
// has. It is done here, before libuv would wait, since libuv needs two system calls for it (Node has it measure idle time) and sets a timer of the
// kernel's each time. One set has all that is waited for; libuv's own set is in it too, and libuv is let look, without waiting, once that is ready.
#include "binding.h"

#include <sched.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum {
  EVENTS = 16,
  ROUNDS = 64,            // then libuv gets a turn
  SERVED = 4,             // times that there were news in a row: then descriptors get one
  YIELDS_SKIPPED = 512,   // waits at most, of those that had no use of yielding
  YIELD_US = 100,         // a yield that took longer has gone to somebody else ...
  YIELD_AGAIN_US = 50000, // ... and is not tried again so soon
  POLLED_US = 1000000,    // without news, before one that is polled is slept for
};

void call_back(napi_env env, napi_ref function, uint32_t what) {
  napi_value callback, receiver, argument, error;
  napi_handle_scope scope;
  bool thrown = false;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  napi_get_reference_value(env, function, &callback);
  napi_get_global(env, &receiver); // napi_make_callback fails without a word if the receiver is undefined
  napi_create_uint32(env, what, &argument);
  napi_make_callback(env, NULL, receiver, callback, 1, &argument, NULL);
  napi_is_exception_pending(env, &thrown);
  if (thrown && napi_get_and_clear_last_exception(env, &error) == napi_ok)
    napi_fatal_exception(env, error); // 'uncaughtException', as from any other callback
  napi_close_handle_scope(env, scope);
}

// Milliseconds, or -1 for ever: libuv's next timer is the alarm's, which is set only where it would come too late. Another clock than the
// loop's, or a timer that was taken back, makes it come too early, once.
static int wait_ms(struct instance *instance) {
  uv_update_time(instance->loop);
  int timeout = uv_backend_timeout(instance->loop);
  if (timeout <= 0) return timeout;
  uint64_t due = uv_now(instance->loop) + (unsigned)timeout;
  if (instance->due != 0 && instance->due <= due) return -1;
  struct itimerspec once = {.it_value = {.tv_sec = timeout / 1000, .tv_nsec = timeout % 1000 * 1000000L}};
  if (timerfd_settime(instance->alarm, 0, &once, NULL) < 0) return timeout;
  instance->due = due;
  return -1;
}

static uint64_t now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

// A peer on the same processor runs now, and may have its news ready without anybody having been woken. Where that is of no use it is tried
// ever more rarely; where somebody else takes the processor, not for a while.
static bool yielded_for_news(struct instance *instance) {
  if (!bells_expect_news(instance)) return false;
  if (instance->yields_to_skip > 0) {
    instance->yields_to_skip--;
    return false;
  }
  uint64_t before = now_us();
  if (before < instance->yield_again_us) return false;
  sched_yield();
  if (now_us() - before > YIELD_US) instance->yield_again_us = before + YIELD_AGAIN_US;
  if (bells_have_news(instance)) {
    instance->yields_skipped = 0;
    return true;
  }
  if (instance->yields_skipped < YIELDS_SKIPPED) instance->yields_skipped = 2 * instance->yields_skipped + 1;
  instance->yields_to_skip = instance->yields_skipped;
  return false;
}

// Peers that are polled have nobody else wait for long: everyone is asked after each look, and who is to run here may.
static bool is_polling(struct instance *instance) {
  if (instance->polled == 0) return false;
  sched_yield();
  return now_us() - instance->news_us < POLLED_US;
}

// Waits, asleep unless it is to come back at once, and tells the descriptors that are ready. True: libuv is to look as well.
static bool look(struct instance *instance, int timeout) {
  struct epoll_event events[EVENTS];
  int count = 0;
  if (timeout != 0) bells_park(instance);
  if (timeout == 0 || !bells_have_news(instance)) count = epoll_pwait(instance->epoll, events, EVENTS, timeout, NULL);
  if (timeout != 0) bells_park(instance);
  bool others = count < 0 || (count == 0 && timeout > 0); // a signal, or a timer that could have no alarm
  for (int event = 0; event < count; event++) {
    void *from = events[event].data.ptr;
    if (from == &instance->alarm) instance->due = 0;
    if (from == &instance->alarm || from == instance->loop) {
      others = true;
      continue;
    }
    struct source *source = from;
    uint32_t ready = events[event].events & (source->events | EPOLLERR | EPOLLHUP);
    if (source->stopped || !source->events || !ready) continue; // by one before it, or closed too early (source_stop)
    source->ready(source, ready);
  }
  return others;
}

// True: libuv is to look.
static bool wait_once(struct instance *instance) {
  instance->served = 0;
  int timeout = wait_ms(instance);
  if (timeout == 0) {
    look(instance, 0);
    return true;
  }
  if (instance->polled > 0 && bells_polled_for_news(instance)) return false;
  if (is_polling(instance)) return look(instance, 0);
  return !yielded_for_news(instance) && look(instance, timeout);
}

// News were there, and may be again for ever: descriptors and timers have their turn all the same. True: libuv is to look.
static bool look_beside_news(struct instance *instance) {
  if (instance->polled > 0) instance->news_us = now_us();
  bool others = false;
  if (++instance->served >= SERVED) {
    instance->served = 0;
    others = look(instance, 0);
  }
  uv_update_time(instance->loop);
  return others || uv_backend_timeout(instance->loop) == 0;
}

static void not_waiting(uv_idle_t *idle) { (void)idle; }

static void on_prepare(uv_prepare_t *prepare) {
  struct instance *instance = prepare->data;
  bool others = false;
  uv_idle_stop(&instance->others_ready);
  for (int round = 0; round < ROUNDS && !others && instance->sources; round++)
    others = bells_serve(instance) ? look_beside_news(instance) : wait_once(instance);
  if (instance->sources) uv_idle_start(&instance->others_ready, not_waiting);
}

static int watch(struct source *source, int operation, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = source};
  return epoll_ctl(source->instance->epoll, operation, source->fd, &event) < 0 ? -errno : 0;
}

// The loop goes on as long as one source is referenced that waits for anything.
static void count_reference(struct source *source) {
  struct instance *instance = source->instance;
  bool keeps_loop = source->referenced && source->events;
  if (source->counted == keeps_loop) return;
  source->counted = keeps_loop;
  instance->referenced += keeps_loop ? 1 : -1;
  (instance->referenced ? uv_ref : uv_unref)((uv_handle_t *)&instance->before_poll);
}

int source_set(struct source *source, uint32_t events) {
  if (source->stopped) return -EBADF;
  int error = 0;
  if (events && source->events) error = watch(source, EPOLL_CTL_MOD, events);
  else if (events) error = watch(source, EPOLL_CTL_ADD, events);
  else if (source->events) error = watch(source, EPOLL_CTL_DEL, 0);
  if (error == 0) source->events = events;
  count_reference(source);
  return error;
}

void source_reference(struct source *source, bool on) {
  source->referenced = on;
  count_reference(source);
}

int source_stop(struct source *source) {
  if (source->stopped) return 0;
  struct instance *instance = source->instance;
  int error = source_set(source, 0); // closed too early: where the file lives on, so do its events
  source_reference(source, false);
  source->stopped = true;
  struct source **link = &instance->sources;
  while (*link != source) link = &(*link)->next;
  *link = source->next;
  source->release(source);
  napi_delete_reference(instance->env, source->callback);
  if (!instance->sources) {
    uv_prepare_stop(&instance->before_poll);
    uv_idle_stop(&instance->others_ready);
  }
  source->kept = error < 0;
  if (source->dropped && !source->kept) free(source);
  return error;
}

// Not freed while JavaScript has it, so an event that was taken already may still name it.
static void drop(napi_env env, void *data, void *hint) {
  (void)env, (void)hint;
  struct source *source = data;
  source->dropped = true;
  if (source->stopped && !source->kept) free(source);
}

int source_start(struct call *call, struct source *source, unsigned callback, const napi_type_tag *tag, uint32_t events) {
  struct instance *instance = source->instance = instance_of(call->env);
  source->stopped = true; // until all has gone well
  napi_value handle = create_handle(call->env, source, drop, tag);
  if (!handle) {
    free(source);
    return -ENOMEM;
  }
  source->stopped = false;
  int error = source_set(source, events);
  if (error < 0) {
    source->stopped = true; // freed with its handle, which nobody gets
    return error;
  }
  call->value = handle;
  napi_create_reference(call->env, call->arguments[callback], 1, &source->callback);
  if (!instance->sources) uv_prepare_start(&instance->before_poll, on_prepare);
  source->next = instance->sources;
  instance->sources = source;
  source_reference(source, true);
  return 0;
}

struct instance *instance_of(napi_env env) {
  void *instance = NULL;
  napi_get_instance_data(env, &instance);
  return instance;
}

static void on_closed(uv_handle_t *handle) {
  struct instance *instance = handle->data;
  if (--instance->handles > 0) return;
  napi_async_cleanup_hook_handle teardown = instance->teardown;
  close(instance->epoll);
  close(instance->alarm);
  free(instance);
  napi_remove_async_cleanup_hook(teardown);
}

static void on_teardown(napi_async_cleanup_hook_handle teardown, void *data) {
  struct instance *instance = data;
  instance->teardown = teardown;
  while (instance->sources) source_stop(instance->sources);
  uv_close((uv_handle_t *)&instance->before_poll, on_closed);
  uv_close((uv_handle_t *)&instance->others_ready, on_closed);
}

// Now: a jail has no calls to make these later.
static bool made(struct instance *instance) {
  struct epoll_event others = {.events = EPOLLIN, .data.ptr = instance->loop};
  struct epoll_event alarm = {.events = EPOLLIN | EPOLLET, .data.ptr = &instance->alarm};
  instance->epoll = epoll_create1(EPOLL_CLOEXEC);
  instance->alarm = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  return instance->epoll >= 0 && instance->alarm >= 0 &&
         epoll_ctl(instance->epoll, EPOLL_CTL_ADD, uv_backend_fd(instance->loop), &others) == 0 &&
         epoll_ctl(instance->epoll, EPOLL_CTL_ADD, instance->alarm, &alarm) == 0;
}

int instance_setup(napi_env env) {
  struct instance *instance = calloc(1, sizeof *instance);
  if (!instance) return -ENOMEM;
  *instance = (struct instance){.env = env, .epoll = -1, .alarm = -1, .handles = 2};
  if (napi_get_uv_event_loop(env, &instance->loop) == napi_ok && made(instance) &&
      napi_set_instance_data(env, instance, NULL, NULL) == napi_ok &&
      napi_add_async_cleanup_hook(env, on_teardown, instance, NULL) == napi_ok) {
    uv_prepare_init(instance->loop, &instance->before_poll);
    uv_idle_init(instance->loop, &instance->others_ready);
    uv_unref((uv_handle_t *)&instance->before_poll);
    uv_unref((uv_handle_t *)&instance->others_ready);
    instance->before_poll.data = instance->others_ready.data = instance;
    return 0;
  }
  if (instance->epoll >= 0) close(instance->epoll);
  if (instance->alarm >= 0) close(instance->alarm);
  free(instance);
  return -EINVAL;
}
