/* dialsync-conflicts: what lost and what is held, as a process; run as "dialsync
 * conflicts". */
#include "config.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/text.h"
#include "capture/capture.h"
#include "conflicts/conflicts.h"
#include "site/site.h"

static const char usage[] =
    "usage: dialsync conflicts [list [--all] | show N |\n"
    "           take N [--as-new] [--value V] | dismiss N] [--json] [-C DIR]\n"
    "\n"
    "What lost a conflict, and what is held; and what to do about it.\n"
    "\n"
    "  list       open conflicts, held rows and values (hN); --all: settled\n"
    "             ones, too\n"
    "  show N     both values, the row now, what take would do\n"
    "  take N     what lost comes back, as a new edit\n"
    "    --as-new   of two rows with one key: the one that lost gets a key of\n"
    "               its own (--value KEY, where none can be made)\n"
    "    --value V  this value instead; \\N is NULL\n"
    "  dismiss N  what is there stays\n"
    "  --json     one JSON document\n"
    "  -C DIR     the site's directory\n"
    "  -q, -v     be quiet; explain\n"
    "  --help, --version\n"
    "\n"
    "What is settled here is settled everywhere, with the next bundles.\n";

#define PROGRAM "dialsync conflicts"

static const struct option longopts[] = {
    {"all", no_argument, NULL, 'a'},
    {"as-new", no_argument, NULL, 'n'},
    {"value", required_argument, NULL, 'u'},
    {"json", no_argument, NULL, 'j'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

struct options {
	const char *dir;
	const char *what;  /* list, show, take, dismiss */
	bool held;         /* of hN */
	int64_t n;
	struct request ask;
};

/* The words behind the options. */
static int parse_words(char **argv, int n, struct options *o)
{
	static const char *const words[] = {"list", "show", "take", "dismiss",
	    NULL};
	const char *number, *near = NULL;
	char safe[80];
	int i = 0;

	o->what = n ? argv[0] : "list";
	while (words[i] && strcmp(words[i], o->what) != 0)
		i++;
	text_safe(o->what, strlen(o->what), safe, sizeof(safe));
	if (!words[i])
		near = text_nearest(o->what, words);
	if (!words[i]) {
		log_error("%s is none of list, show, take, dismiss%s%s", safe,
		    near ? "; did you mean " : "; see \"" PROGRAM " --help\"",
		    near ? near : "");
		return 64;
	}
	if (n > (i ? 2 : 1) || (i && n < 2)) {
		log_error("%s needs %s; see \"" PROGRAM " list\"", o->what,
		    i ? "the number of one conflict" : "no number");
		return 64;
	}
	if ((o->ask.as_new || o->ask.value) && i != 2) {
		log_error("--as-new and --value belong to \"take\"");
		return 64;
	}
	if (i == 0)
		return -1;
	number = argv[1];
	o->held = number[0] == 'h';
	if (!text_int(number + o->held, 1, INT64_MAX, &o->n)) {
		text_safe(number, strlen(number), safe, sizeof(safe));
		log_error("%s is no number of a conflict, such as 7 or h2; see"
			  " \"" PROGRAM " list\"", safe);
		return 64;
	}
	return -1;
}

/* -1: go on; else the exit code. */
static int parse(int argc, char **argv, struct options *o)
{
	int c;

	memset(o, 0, sizeof(*o));
	log_init(PROGRAM, site_verbosity());
	opterr = 0;
	while ((c = getopt_long(argc, argv, "C:qv", longopts, NULL)) != -1) {
		switch (c) {
		case 'C':
			o->dir = optarg;
			break;
		case 'q':
			log_init(PROGRAM, -1);
			break;
		case 'v':
			log_init(PROGRAM, 1);
			break;
		case 'a':
			o->ask.all = true;
			break;
		case 'n':
			o->ask.as_new = true;
			break;
		case 'u':
			o->ask.value = optarg;
			break;
		case 'j':
			o->ask.json = true;
			break;
		case 'V':
			return site_version();
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			return site_bad_option(PROGRAM, argv, longopts);
		}
	}
	return parse_words(argv + optind, argc - optind, o);
}

/* ---- */

static int look(struct work *w, const struct options *o, struct buf *out,
    struct err *e)
{
	struct record r;
	struct held_row h;

	if (strcmp(o->what, "list") == 0)
		return list_all(w, out, e);
	if (o->held)
		return held_row_get(w, o->n, &h, e) < 0
		    ? -1 : show_held(w, &h, out, e);
	return record_get(w, o->n, &r, e) < 0
	    ? -1 : show_record(w, &r, out, e);
}

/* A restored backup is noticed before anything is changed. */
static int check_state(struct site *s, struct err *e)
{
	char *path = fs_join(s->dir, SPOOL_STATE);
	int rc = capture_state_check(s->store, path, e);

	free(path);
	return rc;
}

/* take and dismiss, in the transaction that the fold opened. */
static int decide(struct work *w, const struct options *o, struct err *e)
{
	bool take = strcmp(o->what, "take") == 0;
	struct record r;
	struct held_row h;
	int rc;

	if (o->held)
		rc = held_row_get(w, o->n, &h, e);
	else
		rc = record_get(w, o->n, &r, e);
	if (rc < 0)
		return -1;
	w->held = o->held;
	w->s->watch = true;
	if (o->held)
		rc = (take ? take_held : dismiss_held)(w, &h, e);
	else
		rc = (take ? take_record : dismiss_record)(w, &r, e);
	w->s->watch = false;
	as_application(w, false, false);
	if (rc < 0 || dangling_scan(w->s, e) < 0 ||
	    dangling_review(w->s, NULL, NULL, e) < 0)
		return -1;
	return store_commit(w->s, e);
}

static int change(struct site *s, struct work *w, const struct options *o,
    struct buf *out, struct err *e)
{
	const char *done = strcmp(o->what, "take") == 0 ? "taken"
							: "dismissed";
	struct json j;

	if (check_state(s, e) < 0 || capture_fold_begin(w->s, e) < 0)
		return -1;
	if (decide(w, o, e) < 0) {
		store_rollback(w->s);
		/* of wrong usage the message names the number */
		return e->kind == ERR_USAGE ? -1 :
		    err_add(e, "%s%lld", o->held ? "h" : "conflict ",
			(long long)o->n);
	}
	log_info("%s%lld is %s: %s; the peers learn of it with the next"
		 " bundle", o->held ? "h" : "conflict ", (long long)o->n,
	    done, buf_str(&w->say));
	if (!o->ask.json)
		return 0;
	json_init(&j, out);
	json_object(&j, NULL);
	json_int(&j, "v", 1);
	json_string(&j, "done", done);
	json_bytes(&j, "message", buf_str(&w->say), w->say.n);
	json_end(&j, '}');
	buf_addc(out, '\n');
	return 0;
}

static int run(struct site *s, const struct options *o)
{
	struct work w = {.s = s->store, .ask = &o->ask, .arena = ARENA_INIT};
	struct buf out = BUF_INIT(SIZE_MAX);
	struct err e = ERR_INIT;
	bool looks = strcmp(o->what, "list") == 0 ||
	    strcmp(o->what, "show") == 0;
	int rc, code = 0;

	buf_init(&w.say, 4096);
	rc = looks ? look(&w, o, &out, &e) : change(s, &w, o, &out, &e);
	if (rc < 0)
		code = log_err(&e, site_next(&e));
	else if (fwrite(buf_str(&out), 1, out.n, stdout) != out.n ||
	    fflush(stdout) != 0)
		code = 74;
	buf_free(&out);
	buf_free(&w.say);
	arena_free(&w.arena);
	return code;
}

int main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	struct options o;
	struct site s;
	int code = parse(argc, argv, &o);
	bool looks;

	if (code >= 0)
		return code;
	if (site_open(&s, o.dir, &e) < 0)
		return log_err(&e, NULL);
	looks = strcmp(o.what, "list") == 0 || strcmp(o.what, "show") == 0;
	code = 0;
	if (site_open_store(&s, looks ? DB_READ : DB_APPLY, &e) < 0)
		code = log_err(&e, site_next(&e));
	site_catch_signals();
	if (code == 0)
		code = run(&s, &o);
	site_close(&s);
	return code;
}
