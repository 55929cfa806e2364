// Runs in: tests. A service manager's end of sd_notify(3): binds the path and prints each message, a line each.
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

int main(int count, char **arguments) {
  if (count != 2 || strlen(arguments[1]) >= sizeof(((struct sockaddr_un *)0)->sun_path)) return 2;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strcpy(address.sun_path, arguments[1]);
  int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || chmod(arguments[1], 0666) < 0) return 1;
  puts("bound");
  for (char message[4096];;) {
    fflush(stdout);
    ssize_t length = recv(fd, message, sizeof message - 1, 0);
    if (length < 0) return 1;
    message[length] = 0;
    puts(message);
  }
}
