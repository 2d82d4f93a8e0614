/* dialsync.conf -> struct config, by inih and a line reader of our own.
 *
 * inih keeps the section and splits KEY = VALUE, but as it is built for
 * Debian it takes " #" into values, cuts lines at 199 and sections at 49
 * bytes, joins indented lines, and tells its handler neither the line's
 * number nor of empty sections.  So our reader takes each line apart first
 * (config_raw.c) and hands inih one that it cannot misread, "[peer]" or
 * "phone = -"; number, section name and value stay in struct reader, where
 * the handler, called before the next line is read, finds them.
 *
 * No error stops the reading: all are collected and sorted by line. */
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/fs.h"
#include "base/text.h"
#include "config/config_p.h"

#define KEY_BYTES 40    /* a longer word is no key, and inih cuts it */
#define SHOWN 60        /* of a wrong word, in messages */

struct problem {
	int at;
	size_t order;  /* keeps those of one line as they were found */
	char *text;    /* owned */
};

struct reader {
	const char *p, *end;       /* borrowed: what was not read yet */
	int at;                    /* number of the line in raw */
	struct raw_line raw;
	struct config *cfg;
	struct config_where *now;  /* the section, or NULL: skip its keys */
	int now_at;                /* its header's line; 0: before any */
	size_t n_sections;
	struct problem *problems;
	size_t n_problems;
};

static void *grow(void *p, size_t n, size_t size)
{
	p = realloc(p, n * size);
	if (!p)
		abort();
	return p;
}

static void report(struct reader *r, int at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void report(struct reader *r, int at, const char *fmt, ...)
{
	struct problem *new;
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if ((r->n_problems & (r->n_problems - 1)) == 0)  /* 0, 1, 2, 4, ... */
		r->problems = grow(r->problems, r->n_problems ?
		    2 * r->n_problems : 1, sizeof(*new));
	new = &r->problems[r->n_problems];
	new->at = at;
	new->order = r->n_problems++;
	new->text = config_strdup(text);
}

static int by_line(const void *a, const void *b)
{
	const struct problem *x = a, *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

/* "did you mean "x"?", or the words that would do. */
static const char *suggest(const char *word, const char *const *known,
    char *out, size_t n)
{
	const char *near = text_nearest(word, known);
	size_t used;

	if (near) {
		snprintf(out, n, "did you mean \"%s\"?", near);
		return out;
	}
	used = (size_t)snprintf(out, n, "known are");
	for (; *known && used < n; known++)
		used += (size_t)snprintf(out + used, n - used, " %s", *known);
	return out;
}

static void unknown_section(struct reader *r, const char *word)
{
	const char *known[CONFIG_KINDS + 1] = {NULL};
	char shown[SHOWN], hint[200];
	size_t i;

	for (i = 0; i < CONFIG_KINDS; i++)
		known[i] = config_sections[i].word;
	report(r, r->at, "section [%s] is not known; %s",
	    text_safe(word, strlen(word), shown, sizeof(shown)),
	    suggest(word, known, hint, sizeof(hint)));
}

static void unknown_key(struct reader *r, const struct config_section *s,
    const char *word)
{
	const char *known[CONFIG_KEYS_MAX + 1] = {NULL};
	char shown[SHOWN], hint[250];
	size_t i;

	for (i = 0; i < s->n_keys; i++)
		known[i] = s->keys[i].name;
	report(r, r->at, "key \"%s\" is not known in [%s]; %s",
	    text_safe(word, strlen(word), shown, sizeof(shown)), s->word,
	    suggest(word, known, hint, sizeof(hint)));
}

/* The name stands at the same place in all sections that have one. */
#define NAME_AT offsetof(struct config_line, name)
_Static_assert(NAME_AT == offsetof(struct config_peer, name) &&
    NAME_AT == offsetof(struct config_table, name), "name is the second");

/* Fill new memory with the defaults and a name. */
static struct config_where *new_section(enum config_kind kind, void *section,
    size_t size, const char *name)
{
	memset(section, 0, size);
	section_init(kind, section);
	*(char **)(void *)((char *)section + NAME_AT) = config_strdup(name);
	return section;
}

/* The struct of this kind and name, made if it is new. */
static struct config_where *section_place(struct config *cfg,
    enum config_kind kind, const char *name)
{
	const void *found = NULL;

	switch (kind) {
	case CONFIG_SITE:
		return &cfg->site.where;
	case CONFIG_HOOKS:
		return &cfg->hooks.where;
	case CONFIG_LINE:
		found = config_line(cfg, name);
		if (found)
			break;
		cfg->lines = grow(cfg->lines, cfg->n_lines + 1,
		    sizeof(*cfg->lines));
		return new_section(kind, &cfg->lines[cfg->n_lines++],
		    sizeof(*cfg->lines), name);
	case CONFIG_PEER:
		found = config_peer(cfg, name);
		if (found)
			break;
		cfg->peers = grow(cfg->peers, cfg->n_peers + 1,
		    sizeof(*cfg->peers));
		return new_section(kind, &cfg->peers[cfg->n_peers++],
		    sizeof(*cfg->peers), name);
	default:
		found = config_table(cfg, name);
		if (found)
			break;
		cfg->tables = grow(cfg->tables, cfg->n_tables + 1,
		    sizeof(*cfg->tables));
		return new_section(kind, &cfg->tables[cfg->n_tables++],
		    sizeof(*cfg->tables), name);
	}
	/* where is the first member of each; the config is ours to write. */
	return (struct config_where *)(uintptr_t)found;
}

/* Does the header's name fit its kind?  Else report. */
static bool name_fits(struct reader *r, const struct config_section *s,
    const char *name)
{
	char shown[SHOWN];

	text_safe(name, strlen(name), shown, sizeof(shown));
	if (!s->named) {
		if (*name)
			report(r, r->at, "[%s] takes no name; write [%s]",
			    s->word, s->word);
		return !*name;
	}
	if (!*name) {
		report(r, r->at, "[%s] has no name; write [%s NAME]", s->word,
		    s->word);
		return false;
	}
	if (s == &config_sections[CONFIG_TABLE]) {
		if (strlen(name) <= CONFIG_TABLE_NAME_MAX)
			return true;
		report(r, r->at, "the table's name is longer than %d bytes; "
		    "shorten it", CONFIG_TABLE_NAME_MAX);
		return false;
	}
	if (!text_name_ok(name))
		report(r, r->at, "\"%s\" is not a name for a %s; write 1 to "
		    "32 of a-z A-Z 0-9 _ - . beginning with a letter or digit",
		    shown, s->word);
	return text_name_ok(name);
}

/* The section that raw begins becomes the current one.  Of a section that is
 * there twice the keys are still checked, so that all errors are found. */
static void open_section(struct reader *r)
{
	const struct config_section *s = config_sections;
	int kind;

	r->now = NULL;
	r->now_at = r->at;
	for (kind = 0; kind < CONFIG_KINDS; kind++, s++)
		if (!strcmp(s->word, r->raw.name))
			break;
	if (kind == CONFIG_KINDS) {
		unknown_section(r, r->raw.name);
		return;
	}
	if (!name_fits(r, s, r->raw.value))
		return;
	if (++r->n_sections > CONFIG_SECTIONS_MAX) {
		if (r->n_sections == CONFIG_SECTIONS_MAX + 1)
			report(r, r->at, "there are more than %d sections; "
			    "remove some", CONFIG_SECTIONS_MAX);
		return;
	}
	r->now = section_place(r->cfg, (enum config_kind)kind,
	    r->raw.value);
	if (r->now->section > 0)
		report(r, r->at, "section [%s%s%s] is there twice, first in "
		    "line %d; join them", s->word, s->named ? " " : "",
		    r->raw.value, r->now->section);
	else
		r->now->section = r->at;
}

/* Only lower-case words reach inih: it has its own ideas about the rest. */
static bool is_key_word(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz-");

	return n > 0 && n < KEY_BYTES && s[n] == '\0';
}

/* inih's reader: the next line that it has to see, as fgets() would give it.
 * Everything else is dealt with here. */
static char *next_line(char *out, int size, void *stream)
{
	struct reader *r = stream;
	const char *line, *newline;

	while (r->p < r->end) {
		line = r->p;
		newline = memchr(line, '\n', (size_t)(r->end - line));
		r->p = newline ? newline + 1 : r->end;
		r->at++;
		raw_scan(line, (size_t)(r->p - line), &r->raw);
		if (r->raw.kind == RAW_BAD) {
			report(r, r->at, "%s", r->raw.wrong);
			/* Its keys are not the last section's. */
			if (r->raw.text[0] == '[') {
				r->now = NULL;
				r->now_at = r->at;
			}
		} else if (r->raw.kind == RAW_SECTION) {
			open_section(r);
			if (!r->now)
				continue;
			snprintf(out, (size_t)size, "[%s]\n", r->raw.name);
			return out;
		} else if (r->raw.kind == RAW_KEY && r->now_at == 0) {
			report(r, r->at, "the key stands before any section; "
			    "begin with [site]");
		} else if (r->raw.kind == RAW_KEY && r->now) {
			if (is_key_word(r->raw.name)) {
				snprintf(out, (size_t)size, "%s = -\n",
				    r->raw.name);
				return out;
			}
			unknown_key(r, &config_sections[r->now->kind],
			    r->raw.name);
		}
	}
	return NULL;
}

/* inih's handler for the line that next_line() gave last.  Always 1: inih's
 * own error count is not for our users. */
#if INI_HANDLER_LINENO
static int take_key(void *user, const char *section, const char *name,
    const char *value, int unused)
#else
static int take_key(void *user, const char *section, const char *name,
    const char *value)
#endif
{
	struct reader *r = user;
	const struct config_section *s = &config_sections[r->now->kind];
	struct buf why = BUF_INIT(400);
	size_t i;

#if INI_HANDLER_LINENO
	(void)unused;
#endif
	/* Some builds of inih also tell when a section begins. */
	if (!name || !value || strcmp(section, s->word) != 0)
		return 1;
	for (i = 0; i < s->n_keys; i++)
		if (!strcmp(s->keys[i].name, name))
			break;
	if (i == s->n_keys) {
		unknown_key(r, s, name);
	} else if (r->now->key[i] > r->now_at &&
	    s->keys[i].type != KEY_LIST) {
		report(r, r->at, "%s is given twice, first in line %d; remove "
		    "one of them", name, r->now->key[i]);
	} else {
		r->now->key[i] = r->at;
		if (!key_set(&s->keys[i], r->now, r->raw.value, r->at, &why))
			report(r, r->at, "%s", buf_str(&why));
	}
	buf_free(&why);
	return 1;
}

/* Every required key is there. */
static void check_required(struct reader *r, const struct config_where *w,
    const char *name)
{
	const struct config_section *s = &config_sections[w->kind];
	size_t i;

	for (i = 0; i < s->n_keys; i++)
		if (s->keys[i].required && w->key[i] == 0)
			report(r, w->section, "[%s%s%s] has no %s; add a line "
			    "%s = ...", s->word, *name ? " " : "", name,
			    s->keys[i].name, s->keys[i].name);
}

/* A name in the file that must be the name of a section. */
static void missing_reference(struct reader *r, int at, const char *what,
    const char *name)
{
	bool line = !strcmp(what, "line");
	size_t i, n = line ? r->cfg->n_lines : r->cfg->n_peers;
	const char **known = grow(NULL, n + 1, sizeof(*known)), *near;
	char shown[SHOWN];

	for (i = 0; i < n; i++)
		known[i] = line ? r->cfg->lines[i].name : r->cfg->peers[i].name;
	known[n] = NULL;
	near = text_nearest(name, known);
	text_safe(name, strlen(name), shown, sizeof(shown));
	if (near)
		report(r, at, "there is no [%s %s]; did you mean \"%s\"?",
		    what, shown, near);
	else
		report(r, at, "there is no [%s %s]; add that section, or "
		    "remove this line", what, shown);
	free(known);
}

static void check_line(struct reader *r, struct config_line *line)
{
	check_required(r, &line->where, line->name);
	if (config_key_at(&line->where, "modem") == line->where.section)
		line->modem = line->device.kind == CONFIG_DEVICE_PATH;
	if (line->peer && !config_peer(r->cfg, line->peer))
		missing_reference(r, config_key_at(&line->where, "peer"),
		    "peer", line->peer);
}

static void check_peer(struct reader *r, const struct config_peer *peer)
{
	size_t i;

	if (r->cfg->site.name && !strcmp(r->cfg->site.name, peer->name))
		report(r, peer->where.section, "peer \"%s\" has this site's "
		    "own name; every site needs a name of its own",
		    peer->name);
	for (i = 0; i < peer->lines.n; i++)
		if (!config_line(r->cfg, peer->lines.text[i]))
			missing_reference(r, peer->lines.at[i], "line",
			    peer->lines.text[i]);
	if (peer->login && strstr(peer->login, "\\P") && !peer->password_file)
		report(r, config_key_at(&peer->where, "login"), "login sends "
		    "\\P, but there is no password; add password-file = FILE");
}

/* What can be said only when all has been read. */
static void check_all(struct reader *r)
{
	struct config *cfg = r->cfg;
	size_t i;

	if (cfg->site.where.section > 0)
		check_required(r, &cfg->site.where, "");
	else
		report(r, 1, "there is no section [site]; add it, with name "
		    "and database");
	for (i = 0; i < cfg->n_lines; i++)
		check_line(r, &cfg->lines[i]);
	for (i = 0; i < cfg->n_peers; i++)
		check_peer(r, &cfg->peers[i]);
}

/* Write the problems out and free them; -1 and the summary if there are any. */
static int finish(struct reader *r, const char *path, struct buf *problems,
    struct err *e)
{
	size_t i;
	int ret = 0;

	if (r->n_problems > 1)
		qsort(r->problems, r->n_problems, sizeof(*r->problems),
		    by_line);
	if (r->n_problems == 1)
		ret = err_set(e, ERR_CONFIG, "%s:%d: %s", path,
		    r->problems[0].at, r->problems[0].text);
	else if (r->n_problems > 1)
		ret = err_set(e, ERR_CONFIG, "%s: %zu errors, the first in "
		    "line %d: %s", path, r->n_problems, r->problems[0].at,
		    r->problems[0].text);
	for (i = 0; i < r->n_problems; i++) {
		if (problems)
			buf_addf(problems, "%s:%d: %s\n", path,
			    r->problems[i].at, r->problems[i].text);
		free(r->problems[i].text);
	}
	free(r->problems);
	return ret;
}

int config_parse(const char *path, const char *p, size_t n,
    struct config **out, struct buf *problems, struct err *e)
{
	struct reader *r = grow(NULL, 1, sizeof(*r));
	int ret;

	*out = NULL;
	memset(r, 0, sizeof(*r));
	r->p = p;
	r->end = p + n;
	if (n >= 3 && !memcmp(p, "\xef\xbb\xbf", 3))  /* a byte order mark */
		r->p += 3;
	r->cfg = grow(NULL, 1, sizeof(*r->cfg));
	memset(r->cfg, 0, sizeof(*r->cfg));
	r->cfg->path = config_strdup(path);
	section_init(CONFIG_SITE, &r->cfg->site);
	section_init(CONFIG_HOOKS, &r->cfg->hooks);

	if (ini_parse_stream(next_line, r, take_key, r) != 0)
		report(r, r->at, "inih could not read to the end; is it built "
		    "with other options?");
	check_all(r);
	ret = finish(r, path, problems, e);
	if (ret == 0)
		*out = r->cfg;
	else
		config_free(r->cfg);
	free(r);
	return ret;
}

int config_load(const char *path, struct buf *out, struct err *e)
{
	struct err cause = ERR_INIT;

	out->limit = CONFIG_FILE_LIMIT;
	if (fs_read(path, out, &cause) == 0)
		return 0;
	if (cause.kind == ERR_DATA)
		return err_set(e, ERR_CONFIG, "%s: the file is longer than "
		    "%d bytes; shorten it", path, CONFIG_FILE_LIMIT);
	if (cause.kind == ERR_MISSING)
		return err_set(e, ERR_MISSING, "%s: there is no such file; "
		    "make a site with \"dialsync init\", or name its directory "
		    "with -C", path);
	if (e)
		*e = cause;
	return -1;
}

int config_read(const char *path, struct config **out, struct buf *problems,
    struct err *e)
{
	struct buf bytes = BUF_INIT(CONFIG_FILE_LIMIT);
	int ret;

	*out = NULL;
	ret = config_load(path, &bytes, e);
	if (ret == 0)
		ret = config_parse(path, buf_str(&bytes), bytes.n, out,
		    problems, e);
	buf_free(&bytes);
	return ret;
}
