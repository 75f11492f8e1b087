/*
 * Plays Metal inside a llama-server that was built for the CPU: loaded by LD_PRELOAD into the one process that the agent started, so
 * that pid, log file and memory are those of a real server. It rewrites log lines, holds the memory that Metal would hold besides,
 * and fails as a GPU does. Orders come from environment variables and files of the scenario's folder.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define MIB (1024UL * 1024UL)
#define MOST_RULES 64
#define MOST_GROUPS 10
#define LONGEST_LINE 65536

/* ---- Log lines: the first rule that matches a line replaces the whole line. ---- */

struct rule {
	regex_t pattern;
	char *text;
};

static struct rule rules[MOST_RULES];
static int rule_count;

/* One rule a line: an extended regular expression, a tab, the text that takes the line's place; an empty text drops the line. */
static void read_rules(const char *path) {
	FILE *file = path ? fopen(path, "r") : NULL;
	char *line = NULL;
	size_t size = 0;
	if (!file) return;
	while (rule_count < MOST_RULES && getline(&line, &size, file) > 0) {
		char *tab = strchr(line, '\t');
		if (!tab) continue;
		*tab = 0;
		tab[1 + strcspn(tab + 1, "\n")] = 0;
		if (regcomp(&rules[rule_count].pattern, line, REG_EXTENDED) == 0) rules[rule_count++].text = strdup(tab + 1);
	}
	free(line);
	fclose(file);
}

static void write_all(int fd, const char *text, size_t length) {
	while (length > 0) {
		ssize_t written = write(fd, text, length);
		if (written <= 0) return;
		text += written;
		length -= (size_t)written;
	}
}

/* In a text, `{N:W}` stands for group N, at least W wide and to the right; `\n` stands for the end of a line. */
static size_t fill_text(const char *text, const char *line, const regmatch_t *groups, char *out) {
	size_t length = 0;
	int group, width, used;
	while (*text && length < LONGEST_LINE - 256) {
		if (sscanf(text, "{%1d:%d}%n", &group, &width, &used) == 2) {
			int size = groups[group].rm_so < 0 ? 0 : (int)(groups[group].rm_eo - groups[group].rm_so);
			length += (size_t)snprintf(out + length, LONGEST_LINE - length, "%*.*s", width, size, line + (size ? groups[group].rm_so : 0));
			text += used;
		} else if (text[0] == '\\' && text[1] == 'n') {
			out[length++] = '\n';
			text += 2;
		} else {
			out[length++] = *text++;
		}
	}
	return length;
}

static void write_line(int fd, const char *line) {
	regmatch_t groups[MOST_GROUPS];
	for (int i = 0; i < rule_count; i++) {
		if (regexec(&rules[i].pattern, line, MOST_GROUPS, groups, 0) != 0) continue;
		if (rules[i].text[0]) {
			static __thread char out[LONGEST_LINE];
			size_t length = fill_text(rules[i].text, line, groups, out);
			out[length++] = '\n';
			write_all(fd, out, length);
		}
		return;
	}
	char *whole;
	int length = asprintf(&whole, "%s\n", line);
	if (length > 0) write_all(fd, whole, (size_t)length);
	free(whole);
}

struct output {
	int fd;
	size_t length;
	char line[LONGEST_LINE];
};

static ssize_t rewrite(void *cookie, const char *text, size_t size) {
	struct output *output = cookie;
	for (size_t i = 0; i < size; i++) {
		if (text[i] != '\n' && output->length < LONGEST_LINE - 1) {
			output->line[output->length++] = text[i];
			continue;
		}
		output->line[output->length] = 0;
		write_line(output->fd, output->line);
		output->length = 0;
	}
	return (ssize_t)size;
}

static FILE *rewritten(int fd) {
	struct output *output = calloc(1, sizeof *output);
	cookie_io_functions_t functions = {.write = rewrite};
	output->fd = fd;
	FILE *file = fopencookie(output, "w", functions);
	setvbuf(file, NULL, _IOLBF, 4096);
	return file;
}

/* ---- Memory: anonymous pages that are touched, as Metal's buffers are. ---- */

static size_t mebibytes(const char *variable) {
	const char *value = getenv(variable);
	return value ? strtoul(value, NULL, 10) * MIB : 0;
}

static void *held(size_t bytes) {
	if (bytes == 0) return NULL;
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED) return NULL;
	memset(memory, 1, bytes);
	return memory;
}

static size_t to_read, was_read, staging_bytes;
static void *staging;

/*
 * Weights are read by fread into the place where they stay. With the first large read come the second copy of tied embeddings, which
 * stays, and what Metal reads a tensor into first, which goes when the weights are whole.
 */
static void count_weights(size_t bytes) {
	if (to_read == 0 || bytes < MIB / 4) return;
	if (was_read == 0) {
		held(mebibytes("PLAY_COPY_MIB"));
		staging_bytes = mebibytes("PLAY_STAGING_MIB");
		staging = held(staging_bytes);
	}
	was_read += bytes;
	if (was_read < to_read || !staging) return;
	const char *pause = getenv("PLAY_PEAK_MS");
	if (pause) usleep((useconds_t)atoi(pause) * 1000);
	munmap(staging, staging_bytes);
	staging = NULL;
}

size_t fread(void *restrict buffer, size_t size, size_t count, FILE *restrict file) {
	static size_t (*real)(void *, size_t, size_t, FILE *);
	if (!real) real = (size_t (*)(void *, size_t, size_t, FILE *))dlsym(RTLD_NEXT, "fread");
	size_t read = real(buffer, size, count, file);
	count_weights(read * size);
	return read;
}

/* ---- What happens at a request, on order. ---- */

/* Grows by so many MiB for a moment: shorter than the time between two samples. */
static void spike(void) {
	const char *path = getenv("PLAY_SPIKE");
	FILE *order = path ? fopen(path, "r") : NULL;
	unsigned long size = 0;
	if (!order) return;
	if (fscanf(order, "%lu", &size) == 1 && unlink(path) == 0) {
		void *memory = held(size * MIB);
		if (memory) munmap(memory, size * MIB);
	}
	fclose(order);
}

/* The name of a kIOGPUCommandBufferCallbackError, once the GPU has failed: it fails for as long as this process lives. */
static int fault(char *name) {
	static char failed[64];
	const char *path = getenv("PLAY_FAULT");
	FILE *order = !failed[0] && path ? fopen(path, "r") : NULL;
	if (order) {
		if (fscanf(order, "%63s", failed) != 1) failed[0] = 0;
		fclose(order);
	}
	strcpy(name, failed);
	return failed[0] != 0;
}

static void say_fault(const char *name) {
	static int before;
	if (__sync_lock_test_and_set(&before, 1) == 0) {
		fprintf(stderr, "ggml_metal_synchronize: error: command buffer 0 failed with status 5\n");
		fprintf(stderr, "error: played by a stand-in (0000000e:kIOGPUCommandBufferCallbackError%s)\n", name);
	} else {
		fprintf(stderr, "ggml_metal_graph_compute: backend is in error state from a previous command buffer failure - recreate the backend to recover\n");
	}
	fflush(stderr);
}

static const char FAILED[] =
	"HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\nContent-Length: 71\r\nConnection: close\r\n\r\n"
	"{\"error\":{\"code\":500,\"message\":\"Compute error.\",\"type\":\"server_error\"}}";

/* Every request that would compute gets 500; GET /health and /props are answered by the real server. */
ssize_t recv(int fd, void *buffer, size_t size, int flags) {
	static ssize_t (*real)(int, void *, size_t, int);
	if (!real) real = (ssize_t (*)(int, void *, size_t, int))dlsym(RTLD_NEXT, "recv");
	ssize_t received = real(fd, buffer, size, flags);
	char name[64];
	if (received < 5 || (flags & MSG_PEEK) || memcmp(buffer, "POST ", 5) != 0) return received;
	spike();
	if (!fault(name)) return received;
	say_fault(name);
	send(fd, FAILED, sizeof FAILED - 1, MSG_NOSIGNAL);
	shutdown(fd, SHUT_WR);
	char rest[4096];
	for (int i = 0; i < 50 && real(fd, rest, sizeof rest, MSG_DONTWAIT) != 0; i++) usleep(1000);
	return 0;
}

__attribute__((constructor)) static void begin(void) {
	const char *bytes = getenv("PLAY_WEIGHTS_BYTES");
	to_read = bytes ? strtoul(bytes, NULL, 10) : 0;
	read_rules(getenv("PLAY_RULES"));
	stdout = rewritten(1);
	stderr = rewritten(2);
}
