// Runs in: the benchmarks `ring` and `request-poll`. The same two rings as packages/channel has, in C.
// `ring SECONDS`: both sides in one thread, in batches; prints descriptors a second.
// `ring SECONDS PROCESSOR`: two processes that stay awake, the one that answers on that processor; prints microseconds, the median from a request to
// its answer, one at a time.
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WORDS = 16, SLOTS = 64, BATCH = 32, OPERATIONS = 8, GENERATION = 7, OPERATION = 3, WARM = 100000, TIMES = 1 << 22 };

struct ring {
  _Alignas(64) _Atomic uint32_t head;
  _Alignas(64) _Atomic uint32_t tail;
  _Alignas(64) uint32_t entries[2 * SLOTS][WORDS];
};

static struct ring *submissions, *completions;
static uint32_t sequence_of[SLOTS], served[SLOTS], last_sequence;

static void refuse(const char *why) {
  fprintf(stderr, "%s\n", why);
  exit(1);
}

static uint32_t waiting(struct ring *ring, uint32_t tail) {
  uint32_t count = atomic_load(&ring->head) - tail;
  if (count > 2 * SLOTS) refuse("a head outside the ring");
  return count;
}

// Copies a descriptor out, then checks all that packages/channel/driver-end.ts checks.
static void serve(uint32_t *tail, uint32_t *head) {
  uint32_t entry[WORDS];
  uint32_t left = waiting(submissions, *tail);
  if (left == 0) return; // who polls must not take the other's cache lines away
  for (; left > 0; left--) {
    memcpy(entry, submissions->entries[(*tail)++ % (2 * SLOTS)], sizeof entry);
    atomic_store(&submissions->tail, *tail);
    uint32_t tag = entry[2], sequence = entry[3];
    if (entry[0] != GENERATION || tag >= SLOTS || sequence == 0 || served[tag] != 0 || entry[1] == 0 || entry[1] >= OPERATIONS ||
        entry[4] != 0)
      refuse("a malformed request");
    served[tag] = sequence;
    if (*head - atomic_load(&completions->tail) >= SLOTS) refuse("completions never read");
    uint32_t *answer = completions->entries[(*head)++ % (2 * SLOTS)];
    answer[0] = GENERATION, answer[1] = entry[1], answer[2] = tag, answer[3] = sequence, answer[4] = 0, answer[5] = 0;
    served[tag] = 0;
  }
  atomic_store(&completions->head, *head);
}

static void ask(uint32_t *head, uint32_t requests) {
  for (uint32_t tag = 0; tag < requests; tag++) {
    if (*head - atomic_load(&submissions->tail) >= 2 * SLOTS) refuse("a full ring");
    uint32_t *entry = submissions->entries[(*head)++ % (2 * SLOTS)];
    sequence_of[tag] = ++last_sequence ? last_sequence : ++last_sequence;
    entry[0] = GENERATION, entry[1] = OPERATION, entry[2] = tag, entry[3] = sequence_of[tag], entry[4] = 0, entry[5] = 1000;
  }
  atomic_store(&submissions->head, *head);
}

static void take(uint32_t *tail) {
  uint32_t entry[WORDS];
  uint32_t left = waiting(completions, *tail);
  if (left == 0) return;
  for (; left > 0; left--) {
    memcpy(entry, completions->entries[(*tail)++ % (2 * SLOTS)], sizeof entry);
    uint32_t tag = entry[2];
    if (entry[0] != GENERATION || tag >= SLOTS || sequence_of[tag] == 0 || entry[3] != sequence_of[tag] || entry[1] != OPERATION ||
        entry[4] != 0)
      refuse("a malformed answer");
    sequence_of[tag] = 0;
  }
  atomic_store(&completions->tail, *tail);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void in_batches(double seconds) {
  uint32_t asked = 0, seen = 0, answered = 0, taken = 0;
  uint64_t descriptors = 0;
  double began = now();
  while (now() - began < seconds)
    for (int batch = 0; batch < 1000; batch++, descriptors += 2 * BATCH) {
      ask(&asked, BATCH);
      serve(&seen, &answered);
      take(&taken);
    }
  printf("%.0f\n", (double)descriptors / (now() - began));
}

static int by_size(const void *one, const void *other) {
  float difference = *(const float *)one - *(const float *)other;
  return (difference > 0) - (difference < 0);
}

static void one_at_a_time(double seconds) {
  static float took[TIMES];
  uint32_t asked = 0, taken = 0, times = 0;
  double until = 0;
  for (int warm = WARM; times < TIMES; warm--) {
    double began = now();
    ask(&asked, 1);
    while (taken != asked) take(&taken);
    double ended = now();
    if (warm > 0) continue;
    if (until == 0) until = ended + seconds;
    took[times++] = (float)((ended - began) * 1e6);
    if (ended >= until) break;
  }
  qsort(took, times, sizeof *took, by_size);
  printf("%.4f\n", took[times / 2]);
}

static void answer_for_ever(int processor) {
  uint32_t seen = 0, answered = 0;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) refuse("no such processor");
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) refuse("no signal at the parent's death");
  for (;;) serve(&seen, &answered);
}

int main(int count, char **arguments) {
  double seconds = count > 1 ? atof(arguments[1]) : 1;
  struct ring *memory = mmap(NULL, 2 * sizeof *memory, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return 1;
  submissions = &memory[0], completions = &memory[1];
  if (count < 3) {
    in_batches(seconds);
    return 0;
  }
  pid_t child = fork();
  if (child < 0) return 1;
  if (child == 0) answer_for_ever(atoi(arguments[2]));
  one_at_a_time(seconds);
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
}
