/* Inside libconfig: one line of the file, the table of keys, and values.
 * Included by this folder and its unit tests only. */
#ifndef CONFIG_CONFIG_P_H
#define CONFIG_CONFIG_P_H

#include "config/config.h"

#define CONFIG_LINE_LIMIT 4096           /* bytes of a line */
#define CONFIG_FILE_LIMIT (1024 * 1024)  /* bytes of the file */
#define CONFIG_SECTIONS_MAX 1000
#define CONFIG_TABLE_NAME_MAX 200

/* One line, taken apart.  The offsets are into the bytes as they stand in the
 * file, so that an editor can replace a value and keep all around it. */
enum raw_kind { RAW_BLANK, RAW_SECTION, RAW_KEY, RAW_BAD };
struct raw_line {
	enum raw_kind kind;
	char *name;          /* the section's kind, or the key; into text */
	char *value;         /* the section's name or the value, maybe "" */
	const char *wrong;   /* RAW_BAD: what is wrong; what to do */
	size_t value_from;   /* RAW_KEY: offset of the value's first byte ... */
	size_t value_to;     /* ... and of the first byte behind it */
	char text[CONFIG_LINE_LIMIT + 1];  /* without comment and indentation */
};

/* Take n bytes apart; a final \n or \r\n may be among them. */
void raw_scan(const char *p, size_t n, struct raw_line *out);

/* The value as it must be written so that raw_scan() gives it back.  False:
 * no line can carry it (control characters, not UTF-8, blanks at an end). */
bool raw_write_value(struct buf *out, const char *value);

enum key_type {
	KEY_NAME,      /* char *, a site, peer or line name */
	KEY_TEXT,      /* char * */
	KEY_DURATION, KEY_SIZE, KEY_NUMBER,  /* int64_t within min and max */
	KEY_BUDGET,    /* int64_t, "30m/day" */
	KEY_YES_NO,    /* bool */
	KEY_CHOICE,    /* an enum: the place of the word in choices */
	KEY_LIST,      /* struct config_list; may be repeated */
	KEY_DEVICE, KEY_HOURS, KEY_RETRY
};

/* One key.  The same table gives the parser its types, the sections their
 * defaults, the template its text, and the manual page's test its list. */
struct config_key {
	const char *name;
	enum key_type type;
	size_t offset;               /* of the field in its section's struct */
	const char *standard;        /* the default as text; NULL: none */
	const char *example;         /* for the template where no default */
	const char *about;           /* a few words for the template */
	int64_t min, max;
	const char *const *choices;  /* KEY_CHOICE, NULL at the end */
	bool required, may_be_empty;
};

struct config_section {
	const char *word;
	bool named;
	size_t n_keys;
	const struct config_key *keys;
};
extern const struct config_section config_sections[CONFIG_KINDS];

/* Put the value into its field, replacing what was there.  False: unchanged,
 * and why says what is wrong and what to do. */
bool key_set(const struct config_key *k, void *section, const char *value,
    int at, struct buf *why);
void key_free(const struct config_key *k, void *section);

/* A section with its defaults; section points to zeroed memory of the kind's
 * struct.  And its end. */
void section_init(enum config_kind kind, void *section);
void section_fini(enum config_kind kind, void *section);

bool hours_parse(const char *s, struct config_hours *out, struct buf *why);
bool device_parse(const char *s, struct config_device *out, struct buf *why);

/* config_read() for bytes at hand; path is for the messages. */
int config_parse(const char *path, const char *p, size_t n,
    struct config **out, struct buf *problems, struct err *e);

/* config_read() and the editor: the file's bytes.  Too long is ERR_CONFIG. */
int config_load(const char *path, struct buf *out, struct err *e);

/* strdup that ends the process when memory is gone: the strings are short. */
char *config_strdup(const char *s);

#endif
