#include "config.h"

#include "base/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

static const char *program_name = "dialsync";
static int level;
static bool line_open;        /* a progress line waits to be overwritten */
static uint64_t last_line_ms; /* of progress, when stderr is no terminal */

void log_init(const char *program, int verbosity)
{
	program_name = program;
	level = verbosity;
}

int log_verbosity(void)
{
	return level;
}

/* Names of tables and columns, keys and values of a peer's may be in it: what a
 * terminal would obey is shown as '?'. */
static void quiet(char *line, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)line[i];
		/* C1 controls are C2 80 to C2 9F */
		bool c1 = i && (unsigned char)line[i - 1] == 0xC2 &&
		    c >= 0x80 && c < 0xA0;

		if ((c < 32 && c != '\n' && c != '\t') || c == 127 || c1)
			line[i] = '?';
	}
}

/* One write() for the line, so that lines of several processes never mix. */
static void put_line(const char *severity, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

static void put_line(const char *severity, const char *fmt, va_list ap)
{
	char line[1200];
	int n;
	size_t used;

	log_progress_end();
	n = snprintf(line, sizeof(line), "%s: %s", program_name, severity);
	used = (size_t)n;
	n = vsnprintf(line + used, sizeof(line) - used, fmt, ap);
	used += (size_t)(n < 0 ? 0 : n);
	if (used > sizeof(line) - 2)
		used = sizeof(line) - 2;
	quiet(line, used);
	line[used++] = '\n';
	if (write(STDERR_FILENO, line, used) < 0)
		return; /* nobody listens; nothing can be done */
}

void log_debug(const char *fmt, ...)
{
	va_list ap;

	if (level < 1)
		return;
	va_start(ap, fmt);
	put_line("", fmt, ap);
	va_end(ap);
}

void log_info(const char *fmt, ...)
{
	va_list ap;

	if (level < 0)
		return;
	va_start(ap, fmt);
	put_line("", fmt, ap);
	va_end(ap);
}

void log_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put_line("warning: ", fmt, ap);
	va_end(ap);
}

void log_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put_line("", fmt, ap);
	va_end(ap);
}

int log_err(const struct err *e, const char *next)
{
	if (next && next[0])
		log_error("%s; %s", e->text, next);
	else
		log_error("%s", e->text);
	return err_exit_code(e);
}

void log_progress(const char *fmt, ...)
{
	char line[400];
	va_list ap;
	int n;
	bool tty;

	if (level < 0)
		return;
	tty = isatty(STDERR_FILENO);
	if (!tty) {
		uint64_t now = clock_ms();

		if (last_line_ms && now - last_line_ms < 2000)
			return;
		last_line_ms = now;
	}
	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line) - 8, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	n = (int)strlen(line);
	if (tty) {
		char out[420];

		/* return, clear to the end of the line, text */
		n = snprintf(out, sizeof(out), "\r\033[K%s", line);
		line_open = true;
		if (write(STDERR_FILENO, out, (size_t)n) < 0)
			line_open = false;
		return;
	}
	line[n++] = '\n';
	if (write(STDERR_FILENO, line, (size_t)n) < 0)
		return;
}

void log_progress_end(void)
{
	if (!line_open)
		return;
	line_open = false;
	if (write(STDERR_FILENO, "\n", 1) < 0)
		return;
}
