/* The table of all keys of dialsync.conf: names, types, defaults, limits.
 * A new key is a line here, a field in config_data.h and a paragraph in
 * dialsync.conf(5); a test proves that the page names every key. */
#include <stdlib.h>
#include <string.h>

#include "config/config_p.h"

#define MINUTE 60
#define HOUR 3600
#define DAY 86400
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* In the order of the enums in config_data.h. */
static const char *const flows[] = {"rtscts", "none", "xonxoff", NULL};
static const char *const dials[] = {"tone", "pulse", NULL};
static const char *const duplexes[] = {"full", "half", NULL};
static const char *const protocols[] = {"dialsync", "zmodem", NULL};
static const char *const securities[] = {"encrypt", "sign", "none", NULL};
static const char *const resolves[] = {"latest", "mine", "hold", NULL};

#define AT(field) offsetof(struct config_site, field)
static const struct config_key site_keys[] = {
	{.name = "name", .type = KEY_NAME, .offset = AT(name),
	 .required = true, .about = "this site's name; peers know it by this"},
	{.name = "database", .type = KEY_TEXT, .offset = AT(database),
	 .required = true, .about = "relative to this directory"},
	{.name = "apply-every", .type = KEY_DURATION, .offset = AT(apply_every),
	 .standard = "2m", .min = 1, .max = 30 * DAY,
	 .about = "the applier looks this often"},
	{.name = "pack-every", .type = KEY_DURATION, .offset = AT(pack_every),
	 .standard = "10m", .min = 1, .max = 30 * DAY,
	 .about = "pack --watch looks this often"},
	{.name = "pack-wait", .type = KEY_DURATION, .offset = AT(pack_wait),
	 .standard = "10s", .min = 0, .max = 10 * MINUTE,
	 .about = "a call waits for the packer so long"},
	{.name = "bundle-size", .type = KEY_SIZE, .offset = AT(bundle_size),
	 .standard = "64K", .min = 1, .max = 64 << 20,
	 .about = "compressed; a bundle is closed at this size"},
	{.name = "forget-after", .type = KEY_DURATION,
	 .offset = AT(forget_after),
	 .standard = "400d", .min = 1, .max = 36500LL * DAY,
	 .about = "deleted rows are remembered so long"},
};
#undef AT

#define AT(field) offsetof(struct config_line, field)
static const struct config_key line_keys[] = {
	{.name = "device", .type = KEY_DEVICE, .offset = AT(device),
	 .required = true, .example = "/dev/ttyUSB0",
	 .about = "or tcp:HOST:PORT, tcp-listen:[ADDR:]PORT, pipe:COMMAND"},
	{.name = "modem", .type = KEY_YES_NO, .offset = AT(modem),
	 .standard = "yes", .about = "no: a direct cable"},
	{.name = "speed", .type = KEY_NUMBER, .offset = AT(speed),
	 .standard = "57600", .min = 50, .max = 4000000,
	 .about = "bits per second between computer and modem"},
	{.name = "flow", .type = KEY_CHOICE, .offset = AT(flow),
	 .standard = "rtscts", .choices = flows,
	 .about = "or none, xonxoff"},
	{.name = "init", .type = KEY_TEXT, .offset = AT(init),
	 .standard = "AT&F E0V1Q0X4 &C1&D2 S0=0", .may_be_empty = true,
	 .about = "sent to the modem first"},
	{.name = "prefix", .type = KEY_TEXT, .offset = AT(prefix),
	 .standard = "", .example = "9,", .may_be_empty = true,
	 .about = "dialed before every number: hotel, PBX"},
	{.name = "dial", .type = KEY_CHOICE, .offset = AT(dial),
	 .standard = "tone", .choices = dials, .about = "or pulse"},
	{.name = "connect-wait", .type = KEY_DURATION,
	 .offset = AT(connect_wait),
	 .standard = "60s", .min = 1, .max = 10 * MINUTE,
	 .about = "for a TCP connection, a carrier"},
	{.name = "duplex", .type = KEY_CHOICE, .offset = AT(duplex),
	 .standard = "full", .choices = duplexes,
	 .about = "half: one side at a time, for radio"},
	{.name = "protocol", .type = KEY_CHOICE, .offset = AT(protocol),
	 .standard = "dialsync", .choices = protocols,
	 .about = "or zmodem, as sz and rz speak it"},
	{.name = "zmodem-trust", .type = KEY_YES_NO, .offset = AT(zmodem_trust),
	 .standard = "no", .about = "yes: sent counts as stored"},
	{.name = "peer", .type = KEY_NAME, .offset = AT(peer),
	 .example = "hub", .about = "who calls in on this line (zmodem)"},
	{.name = "answer", .type = KEY_YES_NO, .offset = AT(answer),
	 .standard = "no", .about = "yes: dialsync answer waits on it"},
};
#undef AT

#define AT(field) offsetof(struct config_peer, field)
static const struct config_key peer_keys[] = {
	{.name = "line", .type = KEY_LIST, .offset = AT(lines),
	 .example = "modem", .about = "may be repeated: tried in turn"},
	{.name = "phone", .type = KEY_LIST, .offset = AT(phones),
	 .example = "555-1234", .about = "may be repeated: tried in turn"},
	{.name = "login", .type = KEY_TEXT, .offset = AT(login),
	 .example = "ogin: \\L ssword: \\P",
	 .about = "expect/send; \\L this site, \\P the password"},
	{.name = "password-file", .type = KEY_TEXT,
	 .offset = AT(password_file), .example = "keys/hub.password",
	 .about = "what \\P sends; relative to this directory"},
	{.name = "every", .type = KEY_DURATION, .offset = AT(every),
	 .standard = "0", .example = "12h", .min = 0, .max = 3660LL * DAY,
	 .about = "due so long after the last good call; default: never"},
	{.name = "hours", .type = KEY_HOURS, .offset = AT(hours),
	 .standard = "any", .example = "Mon-Fri 22:00-05:00, Sat-Sun any",
	 .about = "when scheduled calls may be made; default: any"},
	{.name = "retry", .type = KEY_RETRY, .offset = AT(retry),
	 .standard = "5m 10m 20m 40m", .min = 1, .max = 30 * DAY,
	 .about = "waits after failed calls"},
	{.name = "max-call", .type = KEY_DURATION, .offset = AT(max_call),
	 .standard = "0", .example = "15m", .min = 0, .max = 30 * DAY,
	 .about = "hang up after this; default: no limit"},
	{.name = "budget", .type = KEY_BUDGET, .offset = AT(budget),
	 .standard = "0", .example = "30m/day", .min = 0, .max = DAY,
	 .about = "connected time in a day; default: no limit"},
	{.name = "security", .type = KEY_CHOICE, .offset = AT(security),
	 .standard = "encrypt", .choices = securities,
	 .about = "or sign, none"},
};
#undef AT

static const struct config_key table_keys[] = {
	{.name = "resolve", .type = KEY_CHOICE,
	 .offset = offsetof(struct config_table, resolve),
	 .standard = "latest", .choices = resolves,
	 .about = "or mine, hold"},
};

#define AT(field) offsetof(struct config_hooks, field)
static const struct config_key hooks_keys[] = {
	{.name = "safe", .type = KEY_TEXT, .offset = AT(safe),
	 .example = "/usr/local/bin/ring", .about = "you can hang up now"},
	{.name = "connect", .type = KEY_TEXT, .offset = AT(connect),
	 .example = "/usr/local/bin/lamp on", .about = "a call began"},
	{.name = "hangup", .type = KEY_TEXT, .offset = AT(hangup),
	 .example = "/usr/local/bin/lamp off", .about = "a call ended"},
	{.name = "held", .type = KEY_TEXT, .offset = AT(held),
	 .example = "/usr/local/bin/mail-me", .about = "something is held"},
};
#undef AT

const struct config_section config_sections[CONFIG_KINDS] = {
	[CONFIG_SITE] = {"site", false, COUNT(site_keys), site_keys},
	[CONFIG_LINE] = {"line", true, COUNT(line_keys), line_keys},
	[CONFIG_PEER] = {"peer", true, COUNT(peer_keys), peer_keys},
	[CONFIG_TABLE] = {"table", true, COUNT(table_keys), table_keys},
	[CONFIG_HOOKS] = {"hooks", false, COUNT(hooks_keys), hooks_keys},
};

/* struct config_where remembers one line number for each key. */
_Static_assert(COUNT(site_keys) <= CONFIG_KEYS_MAX, "site keys");
_Static_assert(COUNT(line_keys) <= CONFIG_KEYS_MAX, "line keys");
_Static_assert(COUNT(peer_keys) <= CONFIG_KEYS_MAX, "peer keys");
_Static_assert(COUNT(hooks_keys) <= CONFIG_KEYS_MAX, "hooks keys");

void section_init(enum config_kind kind, void *section)
{
	const struct config_section *s = &config_sections[kind];
	struct buf why = BUF_INIT(200);
	size_t i;

	((struct config_where *)section)->kind = kind;
	for (i = 0; i < s->n_keys; i++)
		if (s->keys[i].standard && !key_set(&s->keys[i], section,
		    s->keys[i].standard, 0, &why))
			abort();  /* the table above is wrong */
	buf_free(&why);
}

void section_fini(enum config_kind kind, void *section)
{
	const struct config_section *s = &config_sections[kind];
	size_t i;

	for (i = 0; i < s->n_keys; i++)
		key_free(&s->keys[i], section);
}

int config_key_at(const struct config_where *where, const char *key)
{
	const struct config_section *s = &config_sections[where->kind];
	size_t i;

	for (i = 0; i < s->n_keys; i++)
		if (!strcmp(s->keys[i].name, key) && where->key[i] > 0)
			return where->key[i];
	return where->section;
}
