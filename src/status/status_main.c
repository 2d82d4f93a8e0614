/* dialsync status: what the site is doing, on standard output.  Reads only;
 * owns nothing, locks nothing. */
#include "config.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/text.h"
#include "config/config.h"
#include "status/status_json.h"
#include "status/status_look.h"
#include "status/status_text.h"

#define POLL_MS 250
#define OUTPUT_MAX ((size_t)16 << 20)

static const char usage[] =
    "usage: dialsync status [--json | --wait safe|idle [--timeout T]]\n"
    "                       [-C DIR]\n"
    "Show what the site is doing: lines, peers, what is held.\n"
    "  --json        one JSON document\n"
    "  --wait safe   print nothing; end when it is safe to hang up\n"
    "  --wait idle   print nothing; end when no call is under way\n"
    "  --timeout T   wait no longer than 90s, 5m, ...: then exit with 75\n"
    "  -C DIR        the site's directory\n"
    "  -q, -v        errors only; explain\n"
    "  --help, --version\n";

enum { OPT_JSON = 256, OPT_WAIT, OPT_TIMEOUT, OPT_HELP, OPT_VERSION };

static const struct option options[] = {
	{"json", no_argument, NULL, OPT_JSON},
	{"wait", required_argument, NULL, OPT_WAIT},
	{"timeout", required_argument, NULL, OPT_TIMEOUT},
	{"help", no_argument, NULL, OPT_HELP},
	{"version", no_argument, NULL, OPT_VERSION},
	{NULL, 0, NULL, 0}
};

struct request {
	const char *dir, *wait, *timeout;
	int64_t timeout_s;  /* -1: for ever */
	bool json;
};

struct site {
	char *dir;           /* owned */
	struct config *cfg;  /* owned */
	struct spool spool;
};

/* What was typed is known nowhere: the nearest option is named. */
static int unknown_option(const char *word)
{
	const char *names[sizeof(options) / sizeof(*options)] = {0};
	const char *near = NULL;

	for (size_t i = 0; options[i].name; i++)
		names[i] = options[i].name;
	if (strncmp(word, "--", 2) == 0)
		near = text_nearest(word + 2, names);
	log_error("option %.60s is not known or lacks its value%s%s; see "
	    "\"dialsync status --help\"", word,
	    near ? "; did you mean --" : "", near ? near : "");
	return EX_USAGE;
}

/* Do the options go together?  0, or EX_USAGE. */
static int check(struct request *r)
{
	if (r->wait && strcmp(r->wait, "safe") != 0 &&
	    strcmp(r->wait, "idle") != 0)
		log_error("--wait %.40s: only safe and idle can be waited "
		    "for", r->wait);
	else if (r->wait && r->json)
		log_error("--wait prints nothing, so it does not go with "
		    "--json; first wait, then ask");
	else if (r->timeout && !r->wait)
		log_error("--timeout belongs to --wait; add --wait safe or "
		    "--wait idle");
	else if (r->timeout && !text_duration(r->timeout, &r->timeout_s))
		log_error("--timeout %.40s is no time; write 90s, 5m or 1h",
		    r->timeout);
	else
		return 0;
	return EX_USAGE;
}

/* Print and flush; a full disk or a closed pipe is an error of ours. */
static int print(const char *p, size_t n)
{
	if (fwrite(p, 1, n, stdout) == n && fflush(stdout) == 0)
		return EX_OK;
	log_error("standard output cannot be written");
	return EX_IOERR;
}

/* -1: go on; else the exit code. */
static int parse(int argc, char **argv, struct request *r)
{
	int c, verbosity = 0;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "C:qv", options, NULL)) != -1) {
		switch (c) {
		case 'C': r->dir = optarg; break;
		case 'q': verbosity = -1; break;
		case 'v': verbosity = 1; break;
		case OPT_JSON: r->json = true; break;
		case OPT_WAIT: r->wait = optarg; break;
		case OPT_TIMEOUT: r->timeout = optarg; break;
		case OPT_HELP: return print(usage, strlen(usage));
		case OPT_VERSION: return print(PACKAGE_STRING "\n",
			strlen(PACKAGE_STRING "\n"));
		default: return unknown_option(argv[optind - 1]);
		}
	}
	log_init("dialsync status", verbosity);
	if (optind < argc) {
		log_error("\"%.60s\" is one word too many; see \"dialsync "
		    "status --help\"", argv[optind]);
		return EX_USAGE;
	}
	return check(r) ? EX_USAGE : -1;
}

static int site_open(const struct request *r, struct site *s, struct err *e)
{
	struct buf problems = BUF_INIT((size_t)1 << 20);
	char *path;
	int rc;

	if (config_find(r->dir, &s->dir, e) < 0)
		return -1;
	path = fs_join(s->dir, CONFIG_NAME);
	rc = config_read(path, &s->cfg, &problems, e);
	free(path);
	/* one alone is the error itself */
	if (problems.n > 0 && strchr(buf_str(&problems), '\n')[1])
		fs_write_all(STDERR_FILENO, problems.p, problems.n, NULL);
	buf_free(&problems);
	return rc < 0 ? -1 : spool_open(&s->spool, s->dir, e);
}

static void site_close(struct site *s)
{
	if (s->spool.dir)
		spool_close(&s->spool);
	config_free(s->cfg);
	free(s->dir);
}

static int show(const struct site *s, const struct request *r, struct err *e)
{
	struct buf out = BUF_INIT(OUTPUT_MAX);
	struct status_look l;
	struct status_model m;
	const char *note;
	int code;

	if (status_look(s->cfg, &s->spool, true, &l, e) < 0)
		return err_exit_code(e);
	if (status_model_make(&l.seen, &m, e) < 0) {
		status_look_free(&l);
		return err_exit_code(e);
	}
	note = l.database.kind != ERR_NONE ? l.database.text : NULL;
	if (r->json)
		status_json(&m, &out);
	else
		status_text(&m, note, &out);
	if (note && r->json)
		log_debug("database: %s", note);
	if (out.failed) {
		err_set(e, ERR_SYSTEM, "no memory to show the status");
		code = err_exit_code(e);
	} else {
		code = print(out.p, out.n);
	}
	buf_free(&out);
	status_model_free(&m);
	status_look_free(&l);
	return code;
}

/* Has come what is waited for?  1, 0, -1. */
static int reached(const struct site *s, bool safe, struct err *e)
{
	struct status_look l;
	struct status_model m;
	int rc;

	if (status_look(s->cfg, &s->spool, false, &l, e) < 0)
		return -1;
	rc = status_model_make(&l.seen, &m, e);
	if (rc == 0) {
		rc = safe ? m.safe_to_hang_up : status_model_idle(&m);
		status_model_free(&m);
	}
	status_look_free(&l);
	return rc;
}

/* --wait.  Looks four times a second: an eye cannot tell, and nobody has to be
 * woken by the dialer, which may be killed at any instant. */
static int wait_for(const struct site *s, const struct request *r,
    struct err *e)
{
	bool safe = strcmp(r->wait, "safe") == 0;
	uint64_t start = clock_ms(), gone, left;
	int rc;

	for (;;) {
		struct timespec t = {0, POLL_MS * 1000 * 1000};

		rc = reached(s, safe, e);
		if (rc != 0)
			return rc < 0 ? err_exit_code(e) : EX_OK;
		gone = clock_ms() - start;
		if (r->timeout_s >= 0) {
			left = (uint64_t)r->timeout_s;
			/* compared in seconds: no overflow */
			if (gone / 1000 >= left)
				return EX_TEMPFAIL;
		}
		nanosleep(&t, NULL);
	}
}

int main(int argc, char **argv)
{
	struct request r = {NULL, NULL, NULL, -1, false};
	struct site s = {NULL, NULL, {NULL}};
	struct err e = ERR_INIT;
	int code;

	log_init("dialsync status", 0);
	code = parse(argc, argv, &r);
	if (code >= 0)
		return code;
	if (site_open(&r, &s, &e) < 0)
		code = err_exit_code(&e);
	else if (r.wait)
		code = wait_for(&s, &r, &e);
	else
		code = show(&s, &r, &e);
	if (e.kind != ERR_NONE)
		log_err(&e, NULL);
	site_close(&s);
	return code;
}
