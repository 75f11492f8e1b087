/*
 * Plays the calls of macOS's libSystem that the agent makes, on top of /proc. Offsets, units and errors are those of xnu
 * (docs/background/apple-memory.md). Readings that a scenario gives come from the files of its folder `sysctl`.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Apple silicon counts 24 million ticks a second: 125/3 ns each. */
#define NUMERATOR 125
#define DENOMINATOR 3
/* USER_HZ: the unit of start times in /proc. */
#define HZ 100
#define MOST_PIDS 65536

enum { USER_TIME = 16, SYSTEM_TIME = 24, RESIDENT = 64, FOOTPRINT = 72, START = 80, EXIT = 88, V0_BYTES = 96, LIFETIME_MAX = 240, V4_BYTES = 296 };

struct process {
	char state;
	int group;
	uint64_t user, system, started;
};

/* 0, or -1 with errno as xnu sets it. A process whose files cannot be read is another user's. */
static int read_stat(int pid, struct process *process) {
	char path[64], text[1024];
	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	FILE *file = fopen(path, "r");
	if (!file) return errno = errno == EACCES ? EPERM : ESRCH, -1;
	size_t length = fread(text, 1, sizeof text - 1, file);
	fclose(file);
	text[length] = 0;
	char *rest = strrchr(text, ')');
	if (!rest) return errno = ESRCH, -1;
	int read = sscanf(rest + 2, "%c %*d %d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d %*d %*d %lu", &process->state,
		&process->group, &process->user, &process->system, &process->started);
	return read == 5 ? 0 : (errno = ESRCH, -1);
}

/* Sum of the named lines of a file of /proc, in bytes; -1 with errno. */
static int64_t sum_of(int pid, const char *name, const char *const *keys) {
	char path[64], line[256];
	snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
	FILE *file = fopen(path, "r");
	if (!file) return errno = errno == EACCES || errno == EPERM ? EPERM : ESRCH, -1;
	int64_t sum = 0;
	int found = 0;
	while (fgets(line, sizeof line, file)) {
		for (const char *const *key = keys; *key; key++) {
			size_t length = strlen(*key);
			if (strncmp(line, *key, length) || line[length] != ':') continue;
			sum += strtoll(line + length + 1, NULL, 10) * 1024;
			found++;
		}
	}
	fclose(file);
	return found ? sum : (errno = ESRCH, -1);
}

static const char *const FOOTPRINT_KEYS[] = {"Pss_Anon", "Pss_Shmem", "SwapPss", NULL};
static const char *const RESIDENT_KEYS[] = {"VmRSS", NULL};
static const char *const MOST_RESIDENT_KEYS[] = {"VmHWM", NULL};
static const char *const FILE_KEYS[] = {"RssFile", NULL};

static uint64_t ticks(uint64_t nanoseconds) {
	return nanoseconds / NUMERATOR * DENOMINATOR;
}

static void put(uint8_t *buffer, int offset, uint64_t value) {
	memcpy(buffer + offset, &value, sizeof value);
}

/* The largest footprint that a process ever had: the kernel keeps the largest resident size, of which files are no part. */
static uint64_t lifetime_max(int pid, int64_t footprint) {
	int64_t most = sum_of(pid, "status", MOST_RESIDENT_KEYS), files = sum_of(pid, "status", FILE_KEYS);
	return (uint64_t)(most - files > footprint ? most - files : footprint);
}

static uint64_t now_ticks(clockid_t clock) {
	struct timespec now;
	clock_gettime(clock, &now);
	return ticks((uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec);
}

/* One that has exited still answers until its parent has asked how, with the time of its exit. */
int proc_pid_rusage(int pid, int flavor, uint8_t *buffer) {
	struct process process;
	if (flavor < 0 || flavor > 6) return errno = EINVAL, -1;
	if (read_stat(pid, &process) != 0) return -1;
	int zombie = process.state == 'Z' || process.state == 'X';
	int64_t footprint = zombie ? 0 : sum_of(pid, "smaps_rollup", FOOTPRINT_KEYS);
	if (footprint < 0) return -1;
	memset(buffer, 0, flavor == 0 ? V0_BYTES : V4_BYTES);
	put(buffer, USER_TIME, ticks(process.user * (1000000000 / HZ)));
	put(buffer, SYSTEM_TIME, ticks(process.system * (1000000000 / HZ)));
	put(buffer, RESIDENT, zombie ? 0 : (uint64_t)sum_of(pid, "status", RESIDENT_KEYS));
	put(buffer, FOOTPRINT, (uint64_t)footprint);
	put(buffer, START, ticks(process.started * (1000000000 / HZ)));
	if (zombie) put(buffer, EXIT, now_ticks(CLOCK_MONOTONIC));
	if (flavor >= 4) put(buffer, LIFETIME_MAX, zombie ? 0 : lifetime_max(pid, footprint));
	return 0;
}

/* The number of pids written; 0 for an error too, as libproc does. */
int proc_listpgrppids(int group, void *buffer, int size) {
	DIR *folder = opendir("/proc");
	int most = size / (int)sizeof(int), count = 0;
	if (!folder) return 0; /* with the errno of opendir */
	for (struct dirent *entry = readdir(folder); entry && count < most; entry = readdir(folder)) {
		struct process process;
		int pid = atoi(entry->d_name);
		if (pid <= 0 || read_stat(pid, &process) != 0 || process.group != group) continue;
		if (process.state != 'Z' && process.state != 'X') ((int *)buffer)[count++] = pid;
	}
	closedir(folder);
	errno = 0;
	return count;
}

int mach_timebase_info(uint32_t *info) {
	info[0] = NUMERATOR;
	info[1] = DENOMINATOR;
	return 0;
}

/* Stands still while the machine sleeps. */
uint64_t mach_absolute_time(void) {
	return now_ticks(CLOCK_MONOTONIC);
}

uint64_t mach_continuous_time(void) {
	return now_ticks(CLOCK_BOOTTIME);
}

/* These are 64 bits wide, all other numbers 32 (bsd/kern/kern_mib.c). */
static int is_wide(const char *name) {
	return strcmp(name, "hw.memsize") == 0 || strcmp(name, "hw.memsize_usable") == 0 || strcmp(name, "hw.pagesize") == 0;
}

int sysctlbyname(const char *name, void *old, size_t *size, const void *new, size_t new_size) {
	char path[4096], text[1024];
	const char *scenario = getenv("PLAY_MAC");
	if (new || new_size) return errno = EPERM, -1;
	snprintf(path, sizeof path, "%s/sysctl/%s", scenario ? scenario : "", name);
	FILE *file = fopen(path, "r");
	if (!file) return errno = ENOENT, -1;
	size_t length = fread(text, 1, sizeof text - 1, file);
	fclose(file);
	text[length] = 0;
	text[strcspn(text, "\n")] = 0;
	char *end;
	uint64_t number = strtoull(text, &end, 10);
	int is_number = *text && !*end;
	size_t wanted = !is_number ? strlen(text) + 1 : is_wide(name) ? sizeof(uint64_t) : sizeof(uint32_t);
	if (old && *size < wanted) return errno = ENOMEM, -1;
	if (old) memcpy(old, is_number ? (void *)&number : text, wanted);
	*size = wanted;
	return 0;
}

uint32_t mach_host_self(void) {
	return 7;
}

/* HOST_VM_INFO64: the counts of the stand-in for vm_stat; "free" has the speculative pages in it. */
int host_statistics64(uint32_t host, int flavor, void *info, uint32_t *count) {
	enum { HOST_VM_INFO64 = 4, COUNT = 38, FREE = 0, ACTIVE = 1, INACTIVE = 2, WIRED = 3, PURGEABLE = 22, SPECULATIVE = 23 };
	uint32_t fields[COUNT] = {[FREE] = 32257 + 14083, [ACTIVE] = 254966, [INACTIVE] = 240318, [WIRED] = 172591, [PURGEABLE] = 14672, [SPECULATIVE] = 14083};
	if (host != 7 || flavor != HOST_VM_INFO64 || *count < COUNT) return 4;
	memcpy(info, fields, sizeof fields);
	*count = COUNT;
	return 0;
}
