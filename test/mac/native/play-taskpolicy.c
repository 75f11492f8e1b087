/*
 * Plays `taskpolicy -m MIB PROGRAM ARGUMENT...` where macOS enforces it: the program keeps the pid and is ended by SIGKILL as soon as its
 * memory is above the limit. The kernel's part is played by a process in a session of its own, which ends with the program.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOK_US 5000

/* Anonymous and shared bytes of a process; 0 for one that has ended. */
static unsigned long held(int pid) {
	char path[64], line[256];
	unsigned long sum = 0, value;
	snprintf(path, sizeof path, "/proc/%d/status", pid);
	FILE *file = fopen(path, "r");
	if (!file) return 0;
	while (fgets(line, sizeof line, file)) {
		if (sscanf(line, "RssAnon: %lu", &value) == 1 || sscanf(line, "RssShmem: %lu", &value) == 1 || sscanf(line, "VmSwap: %lu", &value) == 1)
			sum += value * 1024;
	}
	fclose(file);
	return sum;
}

static void play_kernel(int pid, unsigned long limit) {
	setsid();
	int null = open("/dev/null", O_RDWR);
	for (int fd = 0; fd < 3; fd++) dup2(null, fd);
	close_range(3, ~0U, 0);
	for (unsigned long bytes = held(pid); bytes > 0; bytes = held(pid)) {
		if (bytes > limit) kill(pid, SIGKILL);
		usleep(LOOK_US);
	}
}

int main(int count, char **arguments) {
	if (count < 4 || strcmp(arguments[1], "-m") != 0) return 64;
	int pid = getpid();
	unsigned long limit = strtoul(arguments[2], NULL, 10) * 1024 * 1024;
	int child = fork();
	if (child == 0) {
		if (fork() == 0) play_kernel(pid, limit);
		_exit(0);
	}
	waitpid(child, NULL, 0);
	execvp(arguments[3], arguments + 3);
	return 127;
}
