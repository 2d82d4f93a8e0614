/* What dialsync.conf says, as structs.  A struct config is whole and checked:
 * every default is filled in, every peer or line that it names exists.  The
 * keys are described in dialsync.conf(5).
 *
 * Strings are owned by the struct config and live until config_free().
 * Durations are in seconds, sizes in bytes.  Nothing is changed after
 * reading, so pointers into it may be kept as long as the config is. */
#ifndef CONFIG_CONFIG_DATA_H
#define CONFIG_CONFIG_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONFIG_KEYS_MAX 16           /* keys of one kind of section */
#define CONFIG_LIST_MAX 16           /* values of a key that may be repeated */

enum config_kind {
	CONFIG_SITE, CONFIG_LINE, CONFIG_PEER, CONFIG_TABLE, CONFIG_HOOKS,
	CONFIG_KINDS
};
enum config_flow { CONFIG_FLOW_RTSCTS, CONFIG_FLOW_NONE, CONFIG_FLOW_XONXOFF };
enum config_dial { CONFIG_DIAL_TONE, CONFIG_DIAL_PULSE };
enum config_duplex { CONFIG_DUPLEX_FULL, CONFIG_DUPLEX_HALF };
enum config_protocol { CONFIG_PROTOCOL_DIALSYNC, CONFIG_PROTOCOL_ZMODEM };
enum config_security {
	CONFIG_SECURITY_ENCRYPT, CONFIG_SECURITY_SIGN, CONFIG_SECURITY_NONE
};
enum config_resolve {
	CONFIG_RESOLVE_LATEST, CONFIG_RESOLVE_MINE, CONFIG_RESOLVE_HOLD
};

/* Which lines of the file a section comes from; see config_key_at(). */
struct config_where {
	enum config_kind kind;
	int section;               /* its header's line; 0: not in the file */
	int key[CONFIG_KEYS_MAX];  /* each key's line; 0: the default holds */
};

/* A key that may be repeated, in the file's order. */
struct config_list {
	size_t n;
	char *text[CONFIG_LIST_MAX];
	int at[CONFIG_LIST_MAX];   /* the line of each */
};

enum config_device_kind {
	CONFIG_DEVICE_PATH,    /* text: an absolute path, a port or a pty */
	CONFIG_DEVICE_TCP,     /* host and port to connect to */
	CONFIG_DEVICE_LISTEN,  /* port, and host to bind or NULL for all */
	CONFIG_DEVICE_PIPE     /* command, for sh -c */
};
struct config_device {
	enum config_device_kind kind;
	char *text;            /* the whole value, as written */
	char *host;            /* without [ ]; NULL where there is none */
	const char *command;   /* inside text; NULL where there is none */
	int port;              /* 1 to 65535, or 0 */
};

/* Local clock times at which calls may be made.  from > to runs over
 * midnight and belongs to the day on which it begins. */
struct config_window {
	unsigned days;         /* bit 0 Sunday ... bit 6 Saturday (tm_wday) */
	int from, to;          /* minutes of the day, 0 to 1440; to excluded */
};
struct config_hours {
	size_t n;
	struct config_window window[CONFIG_LIST_MAX];
};
struct config_retry {
	size_t n;
	int64_t wait[CONFIG_LIST_MAX];  /* before the n-th new try */
};

struct config_site {
	struct config_where where;
	char *name;
	char *database;        /* as written: relative to the directory */
	int64_t apply_every, pack_every, pack_wait, forget_after;
	int64_t bundle_size;
};

struct config_line {
	struct config_where where;
	char *name;
	struct config_device device;
	bool modem;            /* where not said: true for a path only */
	bool answer, zmodem_trust;
	int64_t speed;
	enum config_flow flow;
	char *init, *prefix;   /* "" where there is nothing to send */
	enum config_dial dial;
	int64_t connect_wait;
	enum config_duplex duplex;
	enum config_protocol protocol;
	char *peer;            /* who calls in, or NULL; it exists */
};

struct config_peer {
	struct config_where where;
	char *name;
	struct config_list lines;  /* they exist; may be empty */
	struct config_list phones; /* may be empty */
	char *login;           /* expect/send script, or NULL */
	char *password_file;   /* relative to the site's directory, or NULL */
	int64_t every;         /* 0: no scheduled calls */
	struct config_hours hours;
	struct config_retry retry;
	int64_t max_call;      /* 0: no limit */
	int64_t budget;        /* seconds a day; 0: no limit */
	enum config_security security;
};

struct config_table {
	struct config_where where;
	char *name;            /* compared without regard to ASCII case */
	enum config_resolve resolve;
};

struct config_hooks {
	struct config_where where;
	char *safe, *connect, *hangup, *held;  /* commands, or NULL */
};

struct config {
	char *path;            /* as given to config_read() */
	struct config_site site;
	struct config_hooks hooks;
	struct config_line *lines;
	struct config_peer *peers;
	struct config_table *tables;
	size_t n_lines, n_peers, n_tables;
};

#endif
