/* dialsync show FILE...|-: bundles in words, on standard output. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"
#include "bundle/bundle.h"

static const char usage[] =
    "usage: dialsync show FILE...|-\n"
    "Print bundles in words: the header, then a row a line.\n"
    "  -       read standard input\n"
    "  --help  print this\n";

static int print_line(void *arg, const char *s, size_t n)
{
	FILE *out = arg;

	if (fwrite(s, 1, n, out) != n || putc('\n', out) == EOF)
		return -1;
	return 0;
}

/* One file; returns its exit code. */
static int show_file(const char *path, bool named)
{
	struct err e = ERR_INIT;
	bool standard = strcmp(path, "-") == 0;
	const char *name = standard ? "standard input" : path;
	const char *next = NULL;
	int rc = -1, fd = 0;

	if (!standard && (fd = open(path, O_RDONLY | O_CLOEXEC)) < 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			err_set(&e, ERR_MISSING, "no such file; bundles are "
			    "in outbox/, inbox/ and held/");
		else
			err_sys(&e, "cannot be opened");
	} else {
		if (named)
			printf("%s:\n", name);
		rc = bundle_show(fd, print_line, stdout, &e);
		if (!standard)
			close(fd);
	}
	/* rows already shown stand above the message */
	if (fflush(stdout) != 0 && rc == 0)
		rc = err_sys(&e, "standard output cannot be written");
	if (rc == 0)
		return EX_OK;
	if (e.kind == ERR_DATA)
		next = "nothing behind this place was shown; in an inbox "
		    "\"dialsync apply\" holds it, and the next call asks its "
		    "sender for a new one";
	err_add(&e, "%s", name);
	return log_err(&e, next);
}

int main(int argc, char **argv)
{
	int rc = EX_OK, first = 1;

	log_init("dialsync show", 0);
	if (argc > 1 && strcmp(argv[1], "--help") == 0) {
		fputs(usage, stdout);
		return fflush(stdout) ? EX_IOERR : EX_OK;
	}
	if (argc > 1 && strcmp(argv[1], "--version") == 0) {
		puts(PACKAGE_STRING);
		return fflush(stdout) ? EX_IOERR : EX_OK;
	}
	if (argc > 1 && strcmp(argv[1], "--") == 0)
		first = 2;
	else if (argc > 1 && argv[1][0] == '-' && argv[1][1] != '\0') {
		log_error("unknown option %s; see \"dialsync show --help\"",
		    argv[1]);
		return EX_USAGE;
	}
	if (first >= argc) {
		fputs(usage, stderr);
		return EX_USAGE;
	}
	for (int i = first; i < argc; i++) {
		int one = show_file(argv[i], argc - first > 1);

		rc = rc ? rc : one;
	}
	return rc;
}
