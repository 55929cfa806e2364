// Runs in: the benchmark `input-latency`. A game controller at the far end of a USB/IP stream (Linux: Documentation/usb/usbip_protocol.rst), and a program that
// waits for what it does: it reads struct input_event (linux/input.h) from a pipe that stands in for /dev/uinput.
// `serve SOCKET PIPE`: both. Orders on standard input: "latency SECONDS" prints the median of the time from before a report's write to behind the read of
// the last of its events, in microseconds, one report a millisecond; "flood RATE SECONDS" prints how many reports there were, and how many came out as events.
// `loop SOCKET PIPE`: driver and reflector in one: reads the reports, writes the events.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/input.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { HEADER = 48, OPERATION = 8, BUSID = 32, RECORD = 312, IMPORT = 0x8003, IMPORTED = 0x0003, VERSION = 0x0111 };
enum { SUBMIT = 1, UNLINK = 2, RET_SUBMIT = 3, RET_UNLINK = 4, HIGH_SPEED = 3 };
enum { REPORT = 6, PACKET = 8, BUTTONS = 12, EVENTS = BUTTONS + 6 + 1, TRANSFERS = 8 };
enum { STREAMS = 4, ASKED = 64, HELD = 64, TIMES = 1 << 16 };
static const int64_t MILLISECOND = 1000000, PATIENCE = 1000 * 1000000ll;

// Four axes of a byte each, a hat and twelve buttons in two more (HID 1.11 §6.2.2), as sims/gamepad/models/generic.ts has them.
static const uint8_t report_descriptor[] = {
  0x05, 0x01, 0x09, 0x05, 0xa1, 0x01, 0x09, 0x30, 0x09, 0x31, 0x09, 0x32, 0x09, 0x35, 0x15, 0x00, 0x26, 0xff, 0x00, 0x75, 0x08, 0x95, 0x04,
  0x81, 0x02, 0x09, 0x39, 0x15, 0x00, 0x25, 0x07, 0x75, 0x04, 0x95, 0x01, 0x81, 0x42, 0x05, 0x09, 0x19, 0x01, 0x29, 0x0c, 0x15, 0x00,
  0x25, 0x01, 0x75, 0x01, 0x95, 0x0c, 0x81, 0x02, 0xc0};
static const uint8_t device_descriptor[] = {18, 1, 0, 2, 0, 0, 0, 64, 0x09, 0x12, 0x02, 0, 0, 1, 0, 0, 0, 1};
static const uint8_t configuration[] = {9, 2, 34, 0, 1, 1, 0, 0x80, 50, 9, 4, 0, 0, 1, 3, 0, 0, 0,
                                        9, 0x21, 0x11, 1, 0, 1, 0x22, sizeof report_descriptor, 0, 7, 5, 0x81, 3, PACKET, 0, 1};

static void refuse(const char *why) {
  fprintf(stderr, "input-latency: %s (%s)\n", why, strerror(errno));
  exit(1);
}

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static int all(int fd, void *bytes, size_t count) {
  for (size_t done = 0; done < count;) {
    ssize_t got = read(fd, (char *)bytes + done, count - done);
    if (got <= 0) return 0;
    done += (size_t)got;
  }
  return 1;
}

static void put(int fd, const void *bytes, size_t count) {
  if (write(fd, bytes, count) != (ssize_t)count) refuse("write");
}

static uint32_t word(const uint8_t *bytes, int at) {
  uint32_t value;
  memcpy(&value, bytes + at, 4);
  return ntohl(value);
}

static void set_word(uint8_t *bytes, int at, uint32_t value) {
  value = htonl(value);
  memcpy(bytes + at, &value, 4);
}

static struct sockaddr_un address(const char *path) {
  struct sockaddr_un at = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof at.sun_path) refuse("a socket's path that is too long");
  strcpy(at.sun_path, path);
  return at;
}

// The controller: its streams, and of each the transfers that wait for a report.

struct stream {
  int fd, imported;
  uint32_t asked[ASKED], first, last;
};
static struct stream streams[STREAMS];
static struct stream *current; // imported last

static void answer(int fd, uint32_t code, uint32_t sequence, int status, const uint8_t *data, uint32_t count) {
  uint8_t bytes[HEADER + 255] = {0};
  set_word(bytes, 0, code);
  set_word(bytes, 4, sequence);
  set_word(bytes, 20, (uint32_t)status);
  if (code == RET_SUBMIT) set_word(bytes, 24, count), set_word(bytes, 32, 0xffffffff); // not isochronous
  memcpy(bytes + HEADER, data, count);
  put(fd, bytes, HEADER + count);
}

static void import(struct stream *stream) {
  uint8_t request[OPERATION + BUSID], reply[OPERATION + RECORD] = {VERSION >> 8, VERSION & 255, IMPORTED >> 8, IMPORTED & 255};
  if (!all(stream->fd, request, sizeof request)) refuse("import");
  if ((request[2] << 8 | request[3]) != IMPORT) refuse("something else than an import");
  uint8_t *record = reply + OPERATION;
  strcpy((char *)record, "/sys/devices/ring3/bench");
  memcpy(record + 256, request + OPERATION, BUSID);
  set_word(record, 288, 1), set_word(record, 292, 2), set_word(record, 296, HIGH_SPEED);
  memcpy(record + 300, (uint8_t[]){0x12, 0x09, 0x00, 0x02, 0x01, 0x00, 0, 0, 0, 1, 1, 1}, 12); // ids and counts, table of OP_REP_IMPORT
  put(stream->fd, reply, sizeof reply);
  stream->imported = 1;
  stream->first = stream->last = 0;
  current = stream;
}

static void control(struct stream *stream, uint32_t sequence, const uint8_t *setup) {
  int request = setup[0] << 8 | setup[1], value = setup[2] | setup[3] << 8, room = setup[6] | setup[7] << 8;
  const uint8_t *data = NULL;
  int count = 0;
  if (request == 0x8006 && value == 0x0100) data = device_descriptor, count = sizeof device_descriptor;
  if (request == 0x8006 && value == 0x0200) data = configuration, count = sizeof configuration;
  if (request == 0x8106 && value == 0x2200) data = report_descriptor, count = sizeof report_descriptor;
  if (data == NULL && setup[0] >= 0x80) return answer(stream->fd, RET_SUBMIT, sequence, -EPIPE, setup, 0);
  answer(stream->fd, RET_SUBMIT, sequence, 0, data ? data : setup, (uint32_t)(count < room ? count : room));
}

static void unlink_one(struct stream *stream, uint32_t sequence, uint32_t target) {
  int found = 0;
  for (uint32_t at = stream->first; at != stream->last; at++) {
    found |= stream->asked[at % ASKED] == target;
    if (found && at + 1 != stream->last) stream->asked[at % ASKED] = stream->asked[(at + 1) % ASKED];
  }
  stream->last -= (uint32_t)found;
  answer(stream->fd, RET_UNLINK, sequence, found ? -ECONNRESET : 0, NULL, 0);
}

static void hear(struct stream *stream) {
  uint8_t header[HEADER], data[255];
  if (!stream->imported) return import(stream);
  if (!all(stream->fd, header, HEADER)) {
    close(stream->fd);
    stream->fd = -1;
    stream->imported = 0;
    for (current = streams + STREAMS - 1; current > streams && !current->imported;) current--;
    return;
  }
  uint32_t command = word(header, 0), sequence = word(header, 4), is_in = word(header, 12), endpoint = word(header, 16), count = word(header, 24);
  if (command == UNLINK) return unlink_one(stream, sequence, word(header, 20));
  if (command != SUBMIT || (!is_in && count > sizeof data)) refuse("a command that nobody should send");
  if (!is_in && !all(stream->fd, data, count)) refuse("data");
  if (endpoint == 0) return control(stream, sequence, header + 40);
  if (stream->last - stream->first == ASKED) refuse("too many transfers");
  stream->asked[stream->last++ % ASKED] = sequence;
}

static int listener, events_fd;

// Serves whoever speaks, until there is an event, an order, or it is that time. Which: POLLIN of the two.
static void wait_until(int64_t until, int *events, int *order) {
  struct pollfd polls[STREAMS + 3];
  for (;;) {
    int64_t left = until - now();
    struct timespec time = {.tv_sec = left > 0 ? left / 1000000000 : 0, .tv_nsec = left > 0 ? left % 1000000000 : 0};
    for (int at = 0; at < STREAMS; at++) polls[at] = (struct pollfd){.fd = streams[at].fd, .events = POLLIN};
    polls[STREAMS] = (struct pollfd){.fd = listener, .events = POLLIN};
    polls[STREAMS + 1] = (struct pollfd){.fd = events ? events_fd : -1, .events = POLLIN};
    polls[STREAMS + 2] = (struct pollfd){.fd = order ? 0 : -1, .events = POLLIN};
    int ready = ppoll(polls, STREAMS + 3, &time, NULL);
    if (ready < 0) refuse("poll");
    for (int at = 0; at < STREAMS; at++)
      if (polls[at].revents) hear(&streams[at]);
    if (polls[STREAMS].revents)
      for (int at = 0; at < STREAMS; at++)
        if (streams[at].fd < 0) {
          streams[at].fd = accept(listener, NULL, NULL);
          break;
        }
    if (events) *events = polls[STREAMS + 1].revents != 0;
    if (order) *order = polls[STREAMS + 2].revents != 0;
    if ((events && *events) || (order && *order) || now() >= until) return;
  }
}

static int is_asked(void) { return current && current->imported && current->first != current->last; }

// Each differs from the one before, and has its number in two axes.
static void tell(uint32_t number) {
  uint8_t report[REPORT] = {number & 255, number >> 8 & 255, 0x80, 0x80, (uint8_t)(8 | (number & 1) << 4), 0};
  answer(current->fd, RET_SUBMIT, current->asked[current->first++ % ASKED], 0, report, REPORT);
}

static struct input_event waiting[4096];
static size_t waiting_bytes;

// What has come out; calls `seen` with the number of each whole frame.
static void take_events(void (*seen)(uint32_t)) {
  ssize_t got = read(events_fd, (char *)waiting + waiting_bytes, sizeof waiting - waiting_bytes);
  if (got < 0 && errno != EAGAIN) refuse("read events");
  if (got > 0) waiting_bytes += (size_t)got;
  size_t count = waiting_bytes / sizeof *waiting, begin = 0;
  uint32_t x = 0, y = 0;
  for (size_t at = 0; at < count; at++) {
    if (waiting[at].type == EV_ABS && waiting[at].code == ABS_X) x = (uint32_t)waiting[at].value;
    if (waiting[at].type == EV_ABS && waiting[at].code == ABS_Y) y = (uint32_t)waiting[at].value;
    if (waiting[at].type != EV_SYN) continue;
    if (at + 1 - begin != EVENTS) refuse("a frame of another length");
    begin = at + 1;
    seen(x | y << 8);
  }
  waiting_bytes -= begin * sizeof *waiting;
  memmove(waiting, waiting + begin, waiting_bytes);
}

static uint32_t number, last_seen, frames;
static void count_frame(uint32_t seen) { last_seen = seen, frames++; }

static int by_size(const void *one, const void *other) {
  double difference = *(const double *)one - *(const double *)other;
  return (difference > 0) - (difference < 0);
}

static void latency(double seconds) {
  static double took[TIMES];
  int events, times = 0;
  for (int64_t until = now() + (int64_t)(seconds * 1e9); now() < until && times < TIMES;) {
    wait_until(now() + MILLISECOND, NULL, NULL);
    if (!is_asked()) continue;
    uint32_t wanted = ++number & 0xffff;
    int64_t began = now(), late = began + PATIENCE;
    for (tell(number), last_seen = ~wanted; last_seen != wanted; take_events(count_frame)) {
      wait_until(late, &events, NULL);
      if (!events) refuse("a report that did not come out");
    }
    took[times++] = (double)(now() - began) / 1e3;
  }
  if (times == 0) refuse("nobody asks for reports");
  qsort(took, (size_t)times, sizeof *took, by_size);
  printf("%.2f\n", took[times / 2]);
}

// A controller holds HELD reports that nobody has asked for yet; a further one takes the place of the newest.
static void flood(double rate, double seconds) {
  uint32_t due = (uint32_t)(rate * seconds), sent = 0, made = 0, lost = 0;
  int events;
  int64_t began = now();
  for (frames = 0; made < due;) {
    uint32_t should = (uint32_t)((double)(now() - began) * rate / 1e9);
    for (made = should < due ? should : due; sent + lost < made && is_asked(); sent++) tell(++number);
    if (made - sent - lost > HELD) lost = made - sent - HELD;
    wait_until(began + (int64_t)((made + 1) / rate * 1e9), &events, NULL);
    if (events) take_events(count_frame);
  }
  for (int64_t until = now() + PATIENCE / 2; now() < until;) {
    for (; sent + lost < made && is_asked(); sent++) tell(++number);
    wait_until(until, &events, NULL);
    if (events) take_events(count_frame);
  }
  printf("%u %u\n", due, frames);
}

static void serve(const char *socket_path, const char *pipe_path) {
  struct sockaddr_un at = address(socket_path);
  listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (bind(listener, (struct sockaddr *)&at, sizeof at) != 0 || listen(listener, STREAMS) != 0) refuse("listen");
  events_fd = open(pipe_path, O_RDWR | O_NONBLOCK | O_CLOEXEC); // not the end of it when a writer goes
  if (events_fd < 0) refuse("open the pipe");
  if (prctl(PR_SET_TIMERSLACK, 1) != 0) refuse("set the timer slack");
  for (int stream = 0; stream < STREAMS; stream++) streams[stream].fd = -1;
  printf("ready\n");
  for (int order;;) {
    double one, two;
    char line[64];
    fflush(stdout);
    wait_until(INT64_MAX, NULL, &order);
    ssize_t got = read(0, line, sizeof line - 1);
    if (got <= 0) return;
    line[got] = 0;
    if (sscanf(line, "latency %lf", &one) == 1) latency(one);
    else if (sscanf(line, "flood %lf %lf", &one, &two) == 2) flood(one, two);
    else refuse("an order that there is not");
  }
}

// The peer.

static void set(struct input_event *event, int type, int code, int value) {
  event->type = (uint16_t)type, event->code = (uint16_t)code, event->value = value;
}

static void write_events(int fd, const uint8_t *report) {
  static struct input_event events[EVENTS];
  static const int8_t hats[9][2] = {{0, -1}, {1, -1}, {1, 0}, {1, 1}, {0, 1}, {-1, 1}, {-1, 0}, {-1, -1}, {0, 0}};
  int buttons = (report[4] | report[5] << 8) >> 4, hat = report[4] & 15, at = 0;
  for (int button = 0; button < BUTTONS; button++) set(&events[at++], EV_KEY, BTN_GAMEPAD + button, buttons >> button & 1);
  set(&events[at++], EV_ABS, ABS_X, report[0]), set(&events[at++], EV_ABS, ABS_Y, report[1]);
  set(&events[at++], EV_ABS, ABS_RX, report[2]), set(&events[at++], EV_ABS, ABS_RY, report[3]);
  set(&events[at++], EV_ABS, ABS_HAT0X, hats[hat > 8 ? 8 : hat][0]), set(&events[at++], EV_ABS, ABS_HAT0Y, hats[hat > 8 ? 8 : hat][1]);
  set(&events[at++], EV_SYN, SYN_REPORT, 0);
  put(fd, events, sizeof events);
}

static void submit(int fd, uint32_t sequence) {
  uint8_t header[HEADER] = {0};
  set_word(header, 0, SUBMIT), set_word(header, 4, sequence), set_word(header, 8, 1 << 16 | 2), set_word(header, 12, 1);
  set_word(header, 16, 1), set_word(header, 20, 0x0200), set_word(header, 24, PACKET), set_word(header, 32, 0xffffffff), set_word(header, 36, 1);
  put(fd, header, sizeof header);
}

static void loop(const char *socket_path, const char *pipe_path) {
  struct sockaddr_un at = address(socket_path);
  int device = socket(AF_UNIX, SOCK_STREAM, 0), out = open(pipe_path, O_WRONLY);
  uint8_t request[OPERATION + BUSID] = {VERSION >> 8, VERSION & 255, IMPORT >> 8, IMPORT & 255, 0, 0, 0, 0, '1', '-', '1'};
  uint8_t reply[OPERATION + RECORD], bytes[TRANSFERS * (HEADER + REPORT)];
  if (out < 0 || connect(device, (struct sockaddr *)&at, sizeof at) != 0) refuse("connect");
  put(device, request, sizeof request);
  if (!all(device, reply, sizeof reply)) refuse("import");
  uint32_t sequence = 0;
  while (sequence < TRANSFERS) submit(device, ++sequence);
  printf("ready\n");
  fflush(stdout);
  for (size_t have = 0;;) {
    ssize_t got = read(device, bytes + have, sizeof bytes - have);
    if (got <= 0) return;
    have += (size_t)got;
    size_t done = 0;
    for (; have - done >= HEADER + REPORT; done += HEADER + REPORT) {
      if (word(bytes + done, 0) != RET_SUBMIT || word(bytes + done, 20) != 0 || word(bytes + done, 24) != REPORT) refuse("no report");
      write_events(out, bytes + done + HEADER);
      submit(device, ++sequence);
    }
    memmove(bytes, bytes + done, have -= done);
  }
}

int main(int count, char **words) {
  if (count == 4 && strcmp(words[1], "serve") == 0) serve(words[2], words[3]);
  else if (count == 4 && strcmp(words[1], "loop") == 0) loop(words[2], words[3]);
  else refuse("serve or loop SOCKET PIPE");
}
