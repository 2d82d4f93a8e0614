#include "config.h"

#include "site/site.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/text.h"

volatile int site_stop;

int site_verbosity(void)
{
	const char *v = getenv("DIALSYNC_VERBOSE");

	return v && strcmp(v, "-1") == 0 ? -1 : v && strcmp(v, "1") == 0;
}

int site_bad_option(const char *program, char *const *argv,
    const struct option *longopts)
{
	const char *names[32] = {NULL}, *near = NULL, *word = argv[optind - 1];
	bool named = optopt == 0;
	char safe[80], one[3] = {'-', (char)optopt, '\0'};

	for (size_t i = 0; longopts[i].name && i < 31; i++) {
		names[i] = longopts[i].name;
		named |= longopts[i].val == optopt;
	}
	if (!named || strncmp(word, "--", 2) != 0)
		word = one;
	else
		near = text_nearest(word + 2, names);
	text_safe(word, strlen(word), safe, sizeof(safe));
	log_error("option %s is not known or lacks its value%s%s; see \"%s"
	    " --help\"", safe, near ? "; did you mean --" : "",
	    near ? near : "", program);
	return 64;
}

int site_version(void)
{
	puts(PACKAGE_STRING);
	return 0;
}

const char *site_next(const struct err *e)
{
	if (e->kind == ERR_BUSY)
		return "nothing is lost; try again";
	if (e->kind == ERR_MISSING && strstr(e->text, "dialsync.conf") == NULL)
		return "correct \"database\" in " CONFIG_NAME ", or put the"
		    " database there";
	if (strstr(e->text, "not a database"))
		return "correct \"database\" in " CONFIG_NAME ", or put a"
		    " backup back";
	return NULL;
}

void site_warn_clock(void)
{
	char text[CLOCK_TEXT];

	if (clock_wall() >= CLOCK_SANE)
		return;
	clock_format(clock_wall(), text);
	log_warn("the clock of this computer says %s, which cannot be; changes"
		 " count as made at the last time that was known here, and may"
		 " lose against later ones; set the clock (\"date\", or a"
		 " time service)", text);
}

int site_worse(int a, int b)
{
	static const int order[] = {78, 77, 76, 74, 69, 65, 75};

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if (a == order[i] || b == order[i])
			return order[i];
	return a ? a : b;
}

/* Each wrong line is an error of its own. */
static void print_problems(const struct buf *problems)
{
	const char *p = buf_str(problems), *nl = strchr(p, '\n');

	/* one alone is what the caller prints */
	if (!nl || !nl[1])
		return;
	for (; (nl = strchr(p, '\n')); p = nl + 1)
		log_error("%.*s", (int)(nl - p), p);
}

int site_open(struct site *s, const char *dir_option, struct err *e)
{
	struct buf problems = BUF_INIT(1 << 20);
	char *path;
	int rc;

	memset(s, 0, sizeof(*s));
	if (config_find(dir_option, &s->dir, e) < 0)
		return -1;
	path = fs_join(s->dir, CONFIG_NAME);
	rc = config_read(path, &s->cfg, &problems, e);
	free(path);
	if (rc < 0)
		print_problems(&problems);
	buf_free(&problems);
	if (rc == 0)
		rc = spool_open(&s->spool, s->dir, e);
	if (rc < 0)
		site_close(s);
	return rc;
}

static void warn(void *arg, const char *text)
{
	(void)arg;
	log_warn("%s", text);
}

/* A peer written into the file by hand is as good as one by the command. */
static int add_peers(struct site *s, struct err *e)
{
	struct peer p;
	struct err none = ERR_INIT;

	for (size_t i = 0; i < s->cfg->n_peers; i++) {
		const char *name = s->cfg->peers[i].name;

		if (peer_load(s->store, name, &p, &none) == 0)
			continue;
		if (store_begin(s->store, e) < 0)
			return -1;
		if (peer_add(s->store, name, &p, e) < 0 ||
		    store_commit(s->store, e) < 0) {
			store_rollback(s->store);
			return -1;
		}
	}
	return 0;
}

/* A copy of an error's text, to build another from it. */
static const char *one_line(const char *from, char to[ERR_TEXT_MAX])
{
	snprintf(to, ERR_TEXT_MAX, "%s", from);
	return to;
}

int site_open_store(struct site *s, enum db_mode mode, struct err *e)
{
	char *path = fs_join(s->dir, s->cfg->site.database);
	char text[ERR_TEXT_MAX];
	int rc = store_open(path, s->cfg->site.name, mode, &s->store, e);

	if (rc < 0 && strstr(e->text, STORE_OF_SITE))
		err_set(e, ERR_DATA, "%s; if the file is a copy of that"
		    " site's, make it this site's with \"dialsync -C %s init"
		    " %s --database %s --copy\"; if it is there by mistake, put"
		    " %s's database back", one_line(e->text, text), s->dir,
		    s->cfg->site.name, path, s->cfg->site.name);
	free(path);
	if (rc < 0)
		return -1;
	s->store->warn = warn;
	return mode == DB_READ ? 0 : add_peers(s, e);
}

void site_close(struct site *s)
{
	store_close(s->store);
	if (s->spool.dir)
		spool_close(&s->spool);
	config_free(s->cfg);
	free(s->dir);
	memset(s, 0, sizeof(*s));
}

static void on_signal(int sig)
{
	(void)sig;
	site_stop = 1;
}

void site_catch_signals(void)
{
	struct sigaction sa;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = on_signal; /* no SA_RESTART: poll() returns */
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
}

void site_wait(int wake_fd, int64_t ms)
{
	struct pollfd p = {wake_fd, POLLIN, 0};
	char drain[256];

	if (site_stop)
		return;
	if (poll(&p, wake_fd >= 0, ms > INT32_MAX ? INT32_MAX : (int)ms) > 0)
		while (read(wake_fd, drain, sizeof(drain)) > 0)
			;
}
