// Runs in: driver host. Where JavaScript stands when a signal asks, however busy it is: written to standard error between two lines.
// Node-API has no way to interrupt JavaScript, so V8's own is used, by its symbol, where the runtime exports it.
#include "binding.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

enum { STACK_MAX = 4096 };

typedef void interrupt(void *isolate, void *data);
static void (*request_interrupt)(void *isolate, interrupt *callback, void *data); // v8::Isolate::RequestInterrupt
static void *isolate;
static napi_env environment;

// On the JavaScript thread, between two of its instructions.
static void write_stack(void *unused, void *also_unused) {
  (void)unused, (void)also_unused;
  napi_handle_scope scope;
  napi_value text, error, stack;
  char out[STACK_MAX + 64];
  char *at = out + snprintf(out, sizeof out, "\n<ring3 stack>\n");
  size_t length = 0;
  if (napi_open_handle_scope(environment, &scope) != napi_ok) return;
  if (napi_create_string_utf8(environment, "here", NAPI_AUTO_LENGTH, &text) == napi_ok &&
      napi_create_error(environment, NULL, text, &error) == napi_ok &&
      napi_get_named_property(environment, error, "stack", &stack) == napi_ok &&
      napi_get_value_string_utf8(environment, stack, at, STACK_MAX, &length) == napi_ok) {
    at += length;
    at += snprintf(at, 32, "\n</ring3 stack>\n");
    ssize_t written = write(STDERR_FILENO, out, (size_t)(at - out));
    (void)written; // nobody reads it: then nobody wants it
  }
  napi_close_handle_scope(environment, scope);
}

static void asked(int signal) {
  (void)signal;
  request_interrupt(isolate, write_stack, NULL);
}

// -ENOSYS where this runtime's V8 cannot be asked.
static int64_t bind_stack_on_signal(struct call *call) {
  int signal = (int)integer_argument(call, 0, 1, SIGRTMAX);
  REFUSED(call);
  void *(*current)(void) = (void *(*)(void))dlsym(RTLD_DEFAULT, "_ZN2v87Isolate10GetCurrentEv");
  request_interrupt = (void (*)(void *, interrupt *, void *))dlsym(
      RTLD_DEFAULT, "_ZN2v87Isolate16RequestInterruptEPFvPS0_PvES2_");
  if (!current || !request_interrupt) return -ENOSYS;
  isolate = current();
  environment = call->env;
  struct sigaction action = {.sa_handler = asked, .sa_flags = SA_RESTART};
  return answer(sigaction(signal, &action, NULL));
}

const struct binding stack_bindings[] = {
    {"stackOnSignal", bind_stack_on_signal},
    {0},
};
