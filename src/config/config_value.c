/* Values of dialsync.conf: text in, field out, or the reason why not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "config/config_p.h"

#define SHOWN 60  /* of a wrong value, in messages */

char *config_strdup(const char *s)
{
	char *copy = strdup(s);

	if (!copy)
		abort();
	return copy;
}

static const char *show(const char *s, char out[SHOWN])
{
	return text_safe(s, strlen(s), out, SHOWN);
}

static void set_string(char **field, const char *value)
{
	char *copy = config_strdup(value);

	free(*field);
	*field = copy;
}

/* A host: a name, an IPv4 address, or an IPv6 address in [ ]. */
static bool host_ok(const char *s, size_t n)
{
	bool bracket = n > 2 && s[0] == '[' && s[n - 1] == ']';
	size_t i;

	if (n == 0 || n > 255)
		return false;
	for (i = bracket ? 1 : 0; i < (bracket ? n - 1 : n); i++) {
		if ((s[i] >= '0' && s[i] <= '9') || s[i] == '.' ||
		    (s[i] >= 'a' && s[i] <= 'z') ||
		    (s[i] >= 'A' && s[i] <= 'Z') || s[i] == '-' || s[i] == '_')
			continue;
		if (!bracket || (s[i] != ':' && s[i] != '%'))
			return false;
	}
	return true;
}

/* "HOST:PORT" behind "tcp:", "[ADDR:]PORT" behind "tcp-listen:". */
static bool address_parse(const char *s, struct config_device *d,
    struct buf *why)
{
	bool listen = d->kind == CONFIG_DEVICE_LISTEN;
	const char *colon = strrchr(s, ':');
	const char *port = colon ? colon + 1 : s;
	char shown[SHOWN];
	size_t n = colon ? (size_t)(colon - s) : 0;
	int64_t number;

	if ((!colon && !listen) || (colon && !host_ok(s, n))) {
		buf_addf(why, "device address \"%s\" is not %s; write %s",
		    show(s, shown), listen ? "[ADDR:]PORT" : "HOST:PORT",
		    listen ? "tcp-listen:5000 or tcp-listen:127.0.0.1:5000"
		    : "for example tcp:modem.example:5000");
		return false;
	}
	if (!text_int(port, 1, 65535, &number)) {
		buf_addf(why, "port \"%s\" is not a number from 1 to 65535; "
		    "correct it", show(port, shown));
		return false;
	}
	d->port = (int)number;
	if (n > 0 && s[0] == '[') {  /* getaddrinfo() wants it bare */
		s++;
		n -= 2;
	}
	if (n > 0 && !(d->host = strndup(s, n)))
		abort();
	return true;
}

/* What is wrong with a device that has no form we know. */
static void device_wrong(const char *s, struct buf *why)
{
	static const char *const forms[] = {"tcp", "tcp-listen", "pipe", NULL};
	char shown[SHOWN], word[SHOWN];
	const char *colon = strchr(s, ':'), *near = NULL;

	if (colon && (size_t)(colon - s) < sizeof(word)) {
		memcpy(word, s, (size_t)(colon - s));
		word[colon - s] = '\0';
		near = text_nearest(word, forms);
	}
	buf_addf(why, "device \"%s\" is no absolute path and no tcp:, "
	    "tcp-listen: or pipe:; ", show(s, shown));
	if (near)
		buf_addf(why, "did you mean \"%s:\"?", near);
	else
		buf_adds(why, "write for example /dev/ttyS0");
}

bool device_parse(const char *s, struct config_device *out, struct buf *why)
{
	struct config_device d = {.kind = CONFIG_DEVICE_PATH};

	if (!strncmp(s, "tcp:", 4)) {
		d.kind = CONFIG_DEVICE_TCP;
		if (!address_parse(s + 4, &d, why))
			return false;
	} else if (!strncmp(s, "tcp-listen:", 11)) {
		d.kind = CONFIG_DEVICE_LISTEN;
		if (!address_parse(s + 11, &d, why))
			return false;
	} else if (!strncmp(s, "pipe:", 5)) {
		d.kind = CONFIG_DEVICE_PIPE;
		if (s[5 + strspn(s + 5, " \t")] == '\0') {
			buf_adds(why, "pipe: names no command; write "
			    "pipe:COMMAND");
			return false;
		}
	} else if (s[0] != '/') {
		device_wrong(s, why);
		return false;
	}
	d.text = config_strdup(s);
	d.command = d.kind == CONFIG_DEVICE_PIPE ? d.text + 5 : NULL;
	free(out->text);
	free(out->host);
	*out = d;
	return true;
}

/* The error for a number out of its limits or no number at all. */
static bool wrong_range(const struct config_key *k, const char *value,
    const char *what, struct buf *why)
{
	char shown[SHOWN];

	buf_addf(why, "%s \"%s\" is not %s", k->name, show(value, shown), what);
	return false;
}

static bool set_number(const struct config_key *k, int64_t *field,
    const char *value, struct buf *why)
{
	int64_t number;
	char what[120];

	if (k->type == KEY_DURATION) {
		if (!text_duration(value, &number))
			return wrong_range(k, value, "a time; write a number "
			    "and s, m, h or d, for example 90s or 12h", why);
		snprintf(what, sizeof(what), "a time from %llds to %lld%c; "
		    "correct it", (long long)k->min, (long long)
		    (k->max / (k->max % 86400 ? 60 : 86400)),
		    k->max % 86400 ? 'm' : 'd');
	} else if (k->type == KEY_SIZE) {
		if (!text_size(value, &number))
			return wrong_range(k, value, "a size; write a number, "
			    "or one with K or M, for example 64K", why);
		snprintf(what, sizeof(what), "a size from %lld to %lldM; "
		    "correct it", (long long)k->min, (long long)(k->max >> 20));
	} else {
		if (!text_int(value, INT64_MIN, INT64_MAX, &number))
			return wrong_range(k, value, "a number; write digits "
			    "only, for example 57600", why);
		snprintf(what, sizeof(what), "a number from %lld to %lld; "
		    "correct it", (long long)k->min, (long long)k->max);
	}
	if (number < k->min || number > k->max)
		return wrong_range(k, value, what, why);
	*field = number;
	return true;
}

/* "30m/day", or "0" for no limit. */
static bool set_budget(const struct config_key *k, int64_t *field,
    const char *value, struct buf *why)
{
	char time[24];
	const char *slash = strchr(value, '/');
	size_t n = slash ? (size_t)(slash - value) : strlen(value);
	int64_t number;

	if (n < sizeof(time)) {
		memcpy(time, value, n);
		time[n] = '\0';
		if (text_duration(time, &number) && number <= k->max &&
		    (slash ? number > 0 && !strcmp(slash, "/day")
		    : number == 0)) {
			*field = number;
			return true;
		}
	}
	return wrong_range(k, value, "a time per day of at most 24h; write "
	    "for example 30m/day, or 0 for no limit", why);
}

static bool set_yes_no(const struct config_key *k, bool *field,
    const char *value, struct buf *why)
{
	if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
		return wrong_range(k, value, "yes or no; write one of them",
		    why);
	*field = value[0] == 'y';
	return true;
}

static bool set_choice(const struct config_key *k, void *field,
    const char *value, struct buf *why)
{
	char shown[SHOWN];
	const char *near = text_nearest(value, k->choices);
	unsigned i;

	for (i = 0; k->choices[i]; i++) {
		if (strcmp(value, k->choices[i]) != 0)
			continue;
		/* All enums of config_data.h have this size. */
		_Static_assert(sizeof(enum config_flow) == sizeof(i), "enum");
		memcpy(field, &i, sizeof(i));
		return true;
	}
	buf_addf(why, "%s \"%s\" is not known; ", k->name, show(value, shown));
	if (near)
		buf_addf(why, "did you mean \"%s\"?", near);
	else
		buf_adds(why, "write one of");
	for (i = 0; !near && k->choices[i]; i++)
		buf_addf(why, "%s %s", i ? "," : "", k->choices[i]);
	return false;
}

static bool set_list(const struct config_key *k, struct config_list *list,
    const char *value, int at, struct buf *why)
{
	if (list->n == CONFIG_LIST_MAX) {
		buf_addf(why, "there are more than %d of %s; remove some",
		    CONFIG_LIST_MAX, k->name);
		return false;
	}
	list->at[list->n] = at;
	list->text[list->n++] = config_strdup(value);
	return true;
}

/* Durations with blanks between them. */
static bool set_retry(const struct config_key *k, struct config_retry *field,
    const char *value, struct buf *why)
{
	struct config_retry r = {0};
	char word[24];
	const char *p = value + strspn(value, " \t");
	size_t n;

	for (; *p; p += n, p += strspn(p, " \t")) {
		n = strcspn(p, " \t");
		if (n >= sizeof(word) || r.n == CONFIG_LIST_MAX)
			break;
		memcpy(word, p, n);
		word[n] = '\0';
		if (!text_duration(word, &r.wait[r.n]) ||
		    r.wait[r.n] < k->min || r.wait[r.n] > k->max)
			break;
		r.n++;
	}
	if (*p)
		return wrong_range(k, value, "a list of at most 16 times; "
		    "write for example 5m 10m 20m 40m", why);
	*field = r;
	return true;
}

static bool set_name(const struct config_key *k, char **field,
    const char *value, struct buf *why)
{
	if (!text_name_ok(value))
		return wrong_range(k, value, "a name; write 1 to 32 of a-z "
		    "A-Z 0-9 _ - . beginning with a letter or digit", why);
	set_string(field, value);
	return true;
}

bool key_set(const struct config_key *k, void *section, const char *value,
    int at, struct buf *why)
{
	void *field = (char *)section + k->offset;

	if (!*value && !k->may_be_empty) {
		buf_addf(why, "%s has no value; write one behind the =, or "
		    "remove the line (a # or ; that is meant is written \\# "
		    "or \\;)", k->name);
		return false;
	}
	switch (k->type) {
	case KEY_NAME:
		return set_name(k, field, value, why);
	case KEY_TEXT:
		set_string(field, value);
		return true;
	case KEY_DURATION:
	case KEY_SIZE:
	case KEY_NUMBER:
		return set_number(k, field, value, why);
	case KEY_BUDGET:
		return set_budget(k, field, value, why);
	case KEY_YES_NO:
		return set_yes_no(k, field, value, why);
	case KEY_CHOICE:
		return set_choice(k, field, value, why);
	case KEY_LIST:
		return set_list(k, field, value, at, why);
	case KEY_DEVICE:
		return device_parse(value, field, why);
	case KEY_HOURS:
		return hours_parse(value, field, why);
	case KEY_RETRY:
		return set_retry(k, field, value, why);
	}
	return false;
}

void key_free(const struct config_key *k, void *section)
{
	void *field = (char *)section + k->offset;
	struct config_device *device;
	struct config_list *list;

	switch (k->type) {
	case KEY_NAME:
	case KEY_TEXT:
		free(*(char **)field);
		break;
	case KEY_DEVICE:
		device = field;
		free(device->text);
		free(device->host);
		break;
	case KEY_LIST:
		list = field;
		while (list->n > 0)
			free(list->text[--list->n]);
		break;
	default:
		break;
	}
}
