// Stands in for the system calls of macOS, so that the declarations of agent/host/darwin/libproc.ts are proven against real C: buffers,
// 64 bits, errno. Its processes: 40 leads a group of 40 and 41; 42 has exited; 43 is another user's; 44 knows no fourth version; no others.
#include <errno.h>
#include <stdint.h>
#include <string.h>

#define GIB (1ull << 30)

static int refused(int number) {
  errno = number;
  return -1;
}

int proc_pid_rusage(int pid, int flavor, uint8_t *buffer) {
  if (pid == 43) return refused(EPERM);
  if (pid < 40 || pid > 44) return refused(ESRCH);
  if (flavor != 0 && (flavor != 4 || pid == 44)) return refused(EINVAL);
  uint64_t fields[37] = {0};
  fields[2] = 24000000;
  fields[3] = 12000000;
  fields[9] = 5 * GIB + 1;
  fields[10] = (1ull << 40) + (uint64_t)pid;
  fields[11] = pid == 42;
  if (flavor == 4) fields[30] = 6 * GIB + 1;
  memcpy(buffer, fields, flavor == 4 ? 296 : 96);
  return 0;
}

int proc_listpgrppids(int group, uint8_t *buffer, int size) {
  int32_t pids[] = {40, 41};
  if (group == 43) {
    errno = ENOMEM;
    return 0;
  }
  if (group != 40 || size < (int)sizeof pids) return 0;
  memcpy(buffer, pids, sizeof pids);
  return 2;
}

static int answer(const void *value, size_t length, void *old, size_t *size) {
  if (*size < length) return refused(ENOMEM);
  memcpy(old, value, length);
  *size = length;
  return 0;
}

int sysctlbyname(const char *name, uint8_t *old, size_t *size, const void *set, size_t set_size) {
  int32_t level = 2, page = 16384;
  if (set != NULL || set_size != 0) return refused(EPERM);
  if (strcmp(name, "kern.memorystatus_vm_pressure_level") == 0) return answer(&level, sizeof level, old, size);
  if (strcmp(name, "vm.pagesize") == 0) return answer(&page, sizeof page, old, size);
  if (strcmp(name, "kern.bootsessionuuid") == 0) return answer("5A1C0C0F", 9, old, size);
  return refused(ENOENT);
}

int mach_timebase_info(uint32_t *info) {
  info[0] = 125;
  info[1] = 3;
  return 0;
}

uint32_t mach_host_self(void) { return 7; }

int host_statistics64(uint32_t host, int flavor, uint8_t *info, uint32_t *count) {
  uint32_t fields[38] = {1000, 0, 30, 0};
  if (host != 7 || flavor != 4 || *count < 38) return 4;
  fields[22] = 5;
  fields[23] = 100;
  memcpy(info, fields, sizeof fields);
  *count = 38;
  return 0;
}
