/* dialsync.conf edited as lines of text.  The file is cut into lines once;
 * each keeps its bytes, and a changed or new one gets bytes of its own. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/text.h"
#include "config/config_edit.h"
#include "config/config_p.h"

struct edit_line {
	enum raw_kind kind;
	bool comment;    /* RAW_BLANK with something in it */
	bool drop;
	bool in_section; /* of the section that is edited, header included */
	char *bytes;     /* owned; with its line end, if it has one */
	size_t n;
	char *key;       /* owned; RAW_KEY only, else NULL */
	char *after;     /* owned; new lines behind this one, or NULL */
};

struct editor {
	const char *path;        /* borrowed */
	struct buf old;          /* the file as it was */
	struct edit_line *line;
	size_t n;
	const char *end_of_line; /* "\n" or "\r\n" */
	size_t header;           /* of the section; n: there is none */
};

static void *need_memory(void *p)
{
	if (!p)
		abort();
	return p;
}

/* Take the bytes that b holds as a C string; b is empty then. */
static char *take(struct buf *b)
{
	char *s = config_strdup(buf_str(b));

	buf_free(b);
	return s;
}

/* Is this header [WORD NAME]? */
static bool is_header(const struct raw_line *raw, const char *word,
    const char *name)
{
	return raw->kind == RAW_SECTION && !strcmp(raw->name, word) &&
	    !strcmp(raw->value, name);
}

/* Cut the file into lines, and mark those of [word name]. */
static void cut_lines(struct editor *ed, const char *word, const char *name)
{
	const char *p = buf_str(&ed->old), *end = p + ed->old.n, *next;
	struct raw_line *raw = need_memory(malloc(sizeof(*raw)));
	struct edit_line *line;
	bool inside = false;
	size_t mark, i;

	for (next = p, ed->n = 0; next < end; next++)
		ed->n += *next == '\n' || next + 1 == end;
	ed->line = need_memory(calloc(ed->n + 1, sizeof(*ed->line)));
	ed->header = ed->n;
	for (i = 0; i < ed->n; i++, p = next) {
		line = &ed->line[i];
		next = memchr(p, '\n', (size_t)(end - p));
		next = next ? next + 1 : end;
		line->n = (size_t)(next - p);
		line->bytes = need_memory(malloc(line->n + 1));
		memcpy(line->bytes, p, line->n);
		line->bytes[line->n] = '\0';
		mark = i == 0 && line->n >= 3 &&
		    !memcmp(p, "\xef\xbb\xbf", 3) ? 3 : 0;
		raw_scan(p + mark, line->n - mark, raw);
		line->kind = raw->kind;
		line->comment = raw->kind == RAW_BLANK &&
		    strspn(line->bytes + mark, " \t\r\n") < line->n - mark;
		if (raw->kind == RAW_SECTION) {
			inside = is_header(raw, word, name);
			if (inside && ed->header == ed->n)
				ed->header = i;
		}
		line->in_section = inside;
		if (raw->kind == RAW_KEY)
			line->key = config_strdup(raw->name);
	}
	free(raw);
}

static void editor_free(struct editor *ed)
{
	size_t i;

	for (i = 0; i < ed->n; i++) {
		free(ed->line[i].bytes);
		free(ed->line[i].key);
		free(ed->line[i].after);
	}
	free(ed->line);
	buf_free(&ed->old);
}

/* Load the file and find the section.  A file that has errors is not edited:
 * what a line in it means is not sure. */
static int editor_load(struct editor *ed, const char *path, const char *word,
    const char *name, struct err *e)
{
	struct config *cfg;
	const char *newline;

	memset(ed, 0, sizeof(*ed));
	buf_init(&ed->old, CONFIG_FILE_LIMIT);
	ed->path = path;
	if (config_load(path, &ed->old, e) != 0)
		return -1;
	if (config_parse(path, buf_str(&ed->old), ed->old.n, &cfg, NULL,
	    e) != 0) {
		err_add(e, "nothing was changed");
		return -1;
	}
	config_free(cfg);
	newline = memchr(buf_str(&ed->old), '\n', ed->old.n);
	ed->end_of_line = newline && newline > buf_str(&ed->old) &&
	    newline[-1] == '\r' ? "\r\n" : "\n";
	cut_lines(ed, word, name);
	return 0;
}

/* A symbolic link stays one: the file that it points to is replaced. */
static int replace_file(const char *path, const struct buf *new,
    struct err *e)
{
	char *real = realpath(path, NULL);
	int ret;

	if (!real)
		return err_sys(e, "realpath %s", path);
	ret = fs_replace(real, buf_str(new), new->n, 0, e);
	free(real);
	return ret;
}

/* Join the lines, check the result, and write it if it differs. */
static int editor_save(struct editor *ed, struct err *e)
{
	struct buf new = BUF_INIT(CONFIG_FILE_LIMIT);
	struct config *cfg = NULL;
	const struct edit_line *line;
	int ret = 0;

	for (line = ed->line; line < ed->line + ed->n; line++) {
		if (!line->drop)
			buf_add(&new, line->bytes, line->n);
		if (!line->after)
			continue;
		if (new.n > 0 && new.p[new.n - 1] != '\n')
			buf_adds(&new, ed->end_of_line);
		buf_adds(&new, line->after);
	}
	if (new.failed)
		ret = err_set(e, ERR_CONFIG, "%s: the file would be longer "
		    "than %d bytes; shorten it", ed->path, CONFIG_FILE_LIMIT);
	else
		ret = config_parse(ed->path, buf_str(&new), new.n, &cfg, NULL,
		    e);
	config_free(cfg);
	if (ret != 0)
		err_add(e, "nothing was changed: it would be wrong");
	else if (new.n != ed->old.n ||
	    memcmp(buf_str(&new), buf_str(&ed->old), new.n) != 0)
		ret = replace_file(ed->path, &new, e);
	buf_free(&new);
	return ret;
}

/* Give a key's line another value; what stands around it stays. */
static void change_value(struct edit_line *line, const char *written)
{
	struct raw_line *raw = need_memory(malloc(sizeof(*raw)));
	struct buf new = BUF_INIT(CONFIG_FILE_LIMIT);

	raw_scan(line->bytes, line->n, raw);
	buf_add(&new, line->bytes, raw->value_from);
	buf_adds(&new, written);
	buf_add(&new, line->bytes + raw->value_to, line->n - raw->value_to);
	free(line->bytes);
	line->n = new.n;
	line->bytes = take(&new);
	free(raw);
}

/* Does the line hold this value already? */
static bool has_value(const struct edit_line *line, const char *value)
{
	struct raw_line *raw = need_memory(malloc(sizeof(*raw)));
	bool same;

	raw_scan(line->bytes, line->n, raw);
	same = raw->kind == RAW_KEY && !strcmp(raw->value, value);
	free(raw);
	return same;
}

/* Put new lines behind line i, behind those that are there already. */
static void add_after(struct editor *ed, size_t i, const char *text)
{
	struct buf all = BUF_INIT(CONFIG_FILE_LIMIT);

	if (ed->line[i].after)
		buf_adds(&all, ed->line[i].after);
	buf_adds(&all, text);
	free(ed->line[i].after);
	ed->line[i].after = take(&all);
}

/* Where a new line of the section goes: behind the last line of the same key,
 * else behind the last key, else behind the header. */
static size_t place_for(const struct editor *ed, const char *key)
{
	size_t i, place = ed->header, same = ed->n;

	for (i = ed->header; i < ed->n; i++) {
		if (!ed->line[i].in_section || !ed->line[i].key)
			continue;
		place = i;
		if (!strcmp(ed->line[i].key, key))
			same = i;
	}
	return same < ed->n ? same : place;
}

/* Set one key of the section: its lines get the new values in turn, those
 * left over go, missing ones are added. */
static int set_key(struct editor *ed, const struct config_edit *edit,
    struct err *e)
{
	const char *const *value = edit->values;
	struct buf text = BUF_INIT(CONFIG_FILE_LIMIT);
	struct buf written = BUF_INIT(CONFIG_LINE_LIMIT);
	struct edit_line *line;
	size_t place = place_for(ed, edit->key);
	int ret = 0;

	for (line = ed->line; line < ed->line + ed->n; line++) {
		if (!line->in_section || !line->key ||
		    strcmp(line->key, edit->key) != 0)
			continue;
		if (!*value) {
			line->drop = true;
			continue;
		}
		buf_reset(&written);
		if (!raw_write_value(&written, *value))
			break;
		if (!has_value(line, *value))
			change_value(line, buf_str(&written));
		value++;
	}
	for (; line == ed->line + ed->n && *value; value++) {
		buf_reset(&written);
		if (!raw_write_value(&written, *value))
			break;
		buf_addf(&text, "%s = %s%s", edit->key, buf_str(&written),
		    ed->end_of_line);
	}
	if (*value)
		ret = err_set(e, ERR_USAGE, "the new %s cannot be written to "
		    "%s: it is too long, is not UTF-8, has blanks at an end or "
		    "control characters in it; give another", edit->key,
		    ed->path);
	else if (text.n > 0)
		add_after(ed, place, buf_str(&text));
	buf_free(&text);
	buf_free(&written);
	return ret;
}

/* Make the section at the end of the file, a blank line before it. */
static void add_header(struct editor *ed, const char *word, const char *name)
{
	struct buf text = BUF_INIT(CONFIG_LINE_LIMIT);
	struct edit_line *last = &ed->line[ed->n - 1], *new;

	if (last->n > strspn(last->bytes, " \t\r\n"))
		buf_adds(&text, ed->end_of_line);
	buf_addf(&text, "[%s%s%s]%s", word, *name ? " " : "", name,
	    ed->end_of_line);
	/* Even nothing behind a line makes editor_save() end that line. */
	add_after(ed, ed->n - 1, "");
	new = &ed->line[ed->n];  /* cut_lines() left room for it */
	memset(new, 0, sizeof(*new));
	new->kind = RAW_SECTION;
	new->in_section = true;
	new->n = text.n;
	new->bytes = take(&text);
	ed->header = ed->n++;
}

/* Set keys of [word name], adding the section if it is missing. */
static int edit_section(const char *path, const char *word, const char *name,
    const struct config_edit *edits, size_t n, struct err *e)
{
	struct editor ed;
	size_t i;
	int ret = editor_load(&ed, path, word, name, e);

	if (ret == 0 && ed.header == ed.n)
		add_header(&ed, word, name);
	for (i = 0; ret == 0 && i < n; i++)
		ret = set_key(&ed, &edits[i], e);
	if (ret == 0)
		ret = editor_save(&ed, e);
	editor_free(&ed);
	return ret;
}

int config_edit_set_peer(const char *path, const char *name,
    const struct config_edit *edits, size_t n, struct err *e)
{
	char shown[60];

	if (!text_name_ok(name))
		return err_set(e, ERR_USAGE, "\"%s\" is not a name for a peer; "
		    "use 1 to 32 of a-z A-Z 0-9 _ - . beginning with a letter "
		    "or digit", text_safe(name, strlen(name), shown,
		    sizeof(shown)));
	return edit_section(path, "peer", name, edits, n, e);
}

int config_edit_set_site(const char *path, const struct config_edit *edits,
    size_t n, struct err *e)
{
	return edit_section(path, "site", "", edits, n, e);
}

static bool is_empty(const struct edit_line *line)
{
	return line->kind == RAW_BLANK && !line->comment;
}

/* Mark the section to be dropped: the comments that touch its header, all to
 * its last key, and the comments that touch that one, unless they lead on to
 * the next header; then one of two blank lines that would meet. */
static void drop_section(struct editor *ed)
{
	size_t first = ed->header, last = ed->header, i;

	while (first > 0 && ed->line[first - 1].comment)
		first--;
	for (i = ed->header; i < ed->n && ed->line[i].in_section; i++)
		if (ed->line[i].key)
			last = i;
	for (i = last + 1; i < ed->n && ed->line[i].comment; i++)
		;
	if (i == ed->n || is_empty(&ed->line[i]))
		last = i - 1;
	for (i = first; i <= last; i++)
		ed->line[i].drop = true;
	if (last + 1 < ed->n && is_empty(&ed->line[last + 1]) &&
	    (first == 0 || is_empty(&ed->line[first - 1])))
		ed->line[last + 1].drop = true;
	else if (last + 1 == ed->n && first > 0 &&
	    is_empty(&ed->line[first - 1]))
		ed->line[first - 1].drop = true;
}

int config_edit_remove_peer(const char *path, const char *name, struct err *e)
{
	struct editor ed;
	char shown[60];
	int ret = editor_load(&ed, path, "peer", name, e);

	if (ret == 0 && ed.header == ed.n)
		ret = err_set(e, ERR_USAGE, "%s has no [peer %s]; nothing was "
		    "removed", path, text_safe(name, strlen(name), shown,
		    sizeof(shown)));
	if (ret == 0) {
		drop_section(&ed);
		ret = editor_save(&ed, e);
	}
	editor_free(&ed);
	return ret;
}
