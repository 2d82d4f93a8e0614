/* dialsync.conf: text in, problems or values out, as rows of a table; then
 * hours by the clock, look-ups, the manual page's list of keys, and bytes at
 * random. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"
#include "config/config_p.h"

#define SITE "[site]\nname = ann\ndatabase = c.db\n"   /* three lines */
#define LINE SITE "[line m]\ndevice = /dev/m\n"        /* five lines */
#define PEER LINE "[peer hub]\n"                       /* six lines */
#define NAMES "write 1 to 32 of a-z A-Z 0-9 _ - . beginning with a letter " \
	"or digit\n"
#define EMPTY "has no value; write one behind the =, or remove the line " \
	"(a # or ; that is meant is written \\# or \\;)\n"
#define X16(s) s s s s s s s s s s s s s s s s
#define X256(s) X16(X16(s))

struct row {
	const char *name;
	const char *text;
	const char *problems;  /* whole; NULL: there must be none */
	const char *values;    /* a piece of dump()'s text, or NULL */
	size_t n;              /* bytes of text, where it has a NUL */
};

static const char *or_dash(const char *s)
{
	return s ? s : "-";
}

static void dump_list(struct buf *b, const char *key,
    const struct config_list *list)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		buf_addf(b, " %s=%s@%d", key, list->text[i], list->at[i]);
}

static void dump_line(struct buf *b, const struct config_line *l)
{
	static const char *const kinds[] = {"path", "tcp", "listen", "pipe"};

	buf_addf(b, "line %s device=%s,%s,%s,%d,%s modem=%d answer=%d "
	    "trust=%d speed=%lld flow=%d init=<%s> prefix=<%s> dial=%d "
	    "wait=%lld duplex=%d protocol=%d peer=%s\n", l->name,
	    kinds[l->device.kind], l->device.text, or_dash(l->device.host),
	    l->device.port, or_dash(l->device.command), l->modem, l->answer,
	    l->zmodem_trust, (long long)l->speed, (int)l->flow, l->init,
	    l->prefix, (int)l->dial, (long long)l->connect_wait,
	    (int)l->duplex, (int)l->protocol, or_dash(l->peer));
}

static void dump_peer(struct buf *b, const struct config_peer *p)
{
	size_t i;

	buf_addf(b, "peer %s", p->name);
	dump_list(b, "line", &p->lines);
	dump_list(b, "phone", &p->phones);
	buf_addf(b, " login=<%s> password=%s every=%lld hours=",
	    or_dash(p->login), or_dash(p->password_file),
	    (long long)p->every);
	for (i = 0; i < p->hours.n; i++)
		buf_addf(b, "%s%02x:%d-%d", i ? "," : "",
		    p->hours.window[i].days, p->hours.window[i].from,
		    p->hours.window[i].to);
	buf_adds(b, " retry=");
	for (i = 0; i < p->retry.n; i++)
		buf_addf(b, "%s%lld", i ? "," : "",
		    (long long)p->retry.wait[i]);
	buf_addf(b, " max=%lld budget=%lld security=%d\n",
	    (long long)p->max_call, (long long)p->budget, (int)p->security);
}

/* All that a config says, as text. */
static void dump(struct buf *b, const struct config *c)
{
	size_t i;

	buf_addf(b, "site %s database=<%s> apply=%lld pack=%lld wait=%lld "
	    "size=%lld forget=%lld\n", c->site.name, c->site.database,
	    (long long)c->site.apply_every, (long long)c->site.pack_every,
	    (long long)c->site.pack_wait, (long long)c->site.bundle_size,
	    (long long)c->site.forget_after);
	for (i = 0; i < c->n_lines; i++)
		dump_line(b, &c->lines[i]);
	for (i = 0; i < c->n_peers; i++)
		dump_peer(b, &c->peers[i]);
	for (i = 0; i < c->n_tables; i++)
		buf_addf(b, "table %s resolve=%d\n", c->tables[i].name,
		    (int)c->tables[i].resolve);
	buf_addf(b, "hooks safe=%s connect=%s hangup=%s held=%s\n",
	    or_dash(c->hooks.safe), or_dash(c->hooks.connect),
	    or_dash(c->hooks.hangup), or_dash(c->hooks.held));
}

static const struct row rows[] = {
/* What is right, and what it means. */
{"the least file has the defaults", SITE, NULL,
 "site ann database=<c.db> apply=120 pack=600 wait=10 size=65536 "
 "forget=34560000\nhooks safe=- connect=- hangup=- held=-\n", 0},
{"site keys", SITE "apply-every = 30s\npack-every = 1h\nbundle-size = 2M\n"
 "pack-wait = 0\nforget-after = 10d\n", NULL,
 "apply=30 pack=3600 wait=0 size=2097152 forget=864000\n", 0},
{"a line has the defaults", LINE, NULL,
 "line m device=path,/dev/m,-,0,- modem=1 answer=0 trust=0 speed=57600 "
 "flow=0 init=<AT&F E0V1Q0X4 &C1&D2 S0=0> prefix=<> dial=0 wait=60 "
 "duplex=0 protocol=0 peer=-\n", 0},
{"line keys", LINE "modem = no\nspeed = 115200\nflow = none\ninit = ATZ\n"
 "prefix = 9,\ndial = pulse\nconnect-wait = 90s\nduplex = half\n"
 "protocol = zmodem\npeer = hub\nanswer = yes\nzmodem-trust = yes\n"
 "[peer hub]\n", NULL,
 "modem=0 answer=1 trust=1 speed=115200 flow=1 init=<ATZ> prefix=<9,> "
 "dial=1 wait=90 duplex=1 protocol=1 peer=hub\n", 0},
{"xonxoff", LINE "flow = xonxoff\n", NULL, "flow=2", 0},
{"empty init and prefix are allowed", LINE "init =\nprefix =  ; none\n", NULL,
 "init=<> prefix=<>", 0},
{"a tcp device", SITE "[line m]\ndevice = tcp:pbx.example:5000\n", NULL,
 "device=tcp,tcp:pbx.example:5000,pbx.example,5000,- modem=0", 0},
{"a tcp device behind a modem", SITE "[line m]\ndevice = tcp:h:1\n"
 "modem = yes\n", NULL, "tcp:h:1,h,1,- modem=1", 0},
{"an IPv6 device", SITE "[line m]\ndevice = tcp:[::1]:65535\n", NULL,
 "device=tcp,tcp:[::1]:65535,::1,65535,-", 0},
{"a device that listens", SITE "[line m]\ndevice = tcp-listen:5000\n", NULL,
 "device=listen,tcp-listen:5000,-,5000,-", 0},
{"a device that listens at an address",
 SITE "[line m]\ndevice = tcp-listen:127.0.0.1:5000\n", NULL,
 "device=listen,tcp-listen:127.0.0.1:5000,127.0.0.1,5000,-", 0},
{"a pipe", SITE "[line m]\ndevice = pipe:ssh hub \"a b\" | c\n", NULL,
 "-,0,ssh hub \"a b\" | c modem=0", 0},
{"a peer has the defaults", PEER, NULL,
 "peer hub login=<-> password=- every=0 hours=7f:0-1440 "
 "retry=300,600,1200,2400 max=0 budget=0 security=0\n", 0},
{"peer keys", PEER "line = m\nphone = 555-1234\nphone = 555-9876\n"
 "login = ogin: \\L ssword: \\P\npassword-file = keys/p\nevery = 12h\n"
 "hours = Mon-Fri 22:00-05:00, Sat-Sun any\nretry = 1m 2h\n"
 "max-call = 15m\nbudget = 30m/day\nsecurity = none\n", NULL,
 "peer hub line=m@7 phone=555-1234@8 phone=555-9876@9 "
 "login=<ogin: \\L ssword: \\P> password=keys/p every=43200 "
 "hours=3e:1320-300,41:0-1440 retry=60,7200 max=900 budget=1800 "
 "security=2\n", 0},
{"security sign", PEER "security = sign\n", NULL, "security=1\n", 0},
{"one phone twice is two tries", PEER "phone = 1\nphone = 1\n", NULL,
 "phone=1@7 phone=1@8", 0},
{"tables", SITE "[table contacts]\n[table my table]\nresolve = mine\n"
 "[table t]\nresolve = hold\n", NULL,
 "table contacts resolve=0\ntable my table resolve=1\ntable t resolve=2\n", 0},
{"hooks", SITE "[hooks]\nsafe = /bin/ring\nconnect = a b\nhangup = c\n"
 "held = d\n", NULL,
 "hooks safe=/bin/ring connect=a b hangup=c held=d\n", 0},
{"empty sections are sections", SITE "[hooks]\n[peer b]\n[peer a]\n", NULL,
 "peer b login", 0},
{"sections may name what comes later", SITE "[peer hub]\nline = m\n"
 "[line m]\ndevice = /dev/m\n", NULL, "line=m@5", 0},
/* Comments, blanks, line ends. */
{"comments at the start and after blanks",
 "# a\n; b\n  # c\n\t; d\n[site] ; e\nname = ann # f\n"
 "database = c d.db\t;g\n", NULL,
 "site ann database=<c d.db>", 0},
{"no comment without a blank before", SITE "[line m]\n"
 "device = /dev/a#b;c\n", NULL, "path,/dev/a#b;c,", 0},
{"escaped comment signs", PEER "phone = \\#31\\#555 \\; \\#\n", NULL,
 "phone=#31#555 ; #@7", 0},
{"a backslash before an escape stays", PEER "phone = a\\\\#\n", NULL,
 "phone=a\\#@7", 0},
{"other backslashes stay", PEER "login = \\L \\r\\\\x\n", NULL,
 "login=<\\L \\r\\\\x>", 0},
{"indentation means nothing", "  [site]\n\tname = ann\n"
 "    database   =   c.db   \n  bundle-size=1K\n", NULL,
 "database=<c.db> apply=120 pack=600 wait=10 size=1024", 0},
{"an indented line does not continue the last", PEER "phone = 1\n"
 "   phone = 2\n", NULL, "phone=1@7 phone=2@8", 0},
{"an equals sign in the value", PEER "login = a=b = c\n", NULL,
 "login=<a=b = c>", 0},
{"a colon in the value", PEER "login = a:b\n", NULL, "login=<a:b>", 0},
{"brackets in the value", PEER "login = [x]\n", NULL, "login=<[x]>", 0},
{"quotes are themselves", PEER "login = \"\" \\r\n", NULL,
 "login=<\"\" \\r>", 0},
{"CRLF", "[site]\r\nname = ann\r\ndatabase = c.db\r\n", NULL,
 "site ann database=<c.db>", 0},
{"no line end at the file's end", "[site]\nname = ann\ndatabase = c.db", NULL,
 "database=<c.db>", 0},
{"a byte order mark", "\xef\xbb\xbf" SITE, NULL, "site ann", 0},
{"UTF-8", "[site]\nname = ann\ndatabase = B\xc3\xbc""cher \xe2\x82\xac"
 "\xf0\x9f\x93\x9e.db\n", NULL,
 "database=<B\xc3\xbc""cher \xe2\x82\xac\xf0\x9f\x93\x9e.db>", 0},
{"200 bytes and more are not cut", SITE "[hooks]\nsafe = "
 X256("x") "end\n", NULL, "safe=" X256("x") "end ", 0},
/* Lines that are wrong. */
{"no file content", "", "f:1: there is no section [site]; add it, with name "
 "and database\n", NULL, 0},
{"no site", "[hooks]\n", "f:1: there is no section [site]; add it, with name "
 "and database\n", NULL, 0},
{"a site without its keys", "\n[site]\n",
 "f:2: [site] has no name; add a line name = ...\n"
 "f:2: [site] has no database; add a line database = ...\n", NULL, 0},
{"a line without a device", SITE "[line m]\n",
 "f:4: [line m] has no device; add a line device = ...\n", NULL, 0},
{"no equals sign", SITE "bundle-size 64K\n",
 "f:4: there is no = in the line; write KEY = VALUE, or a ; at its start if "
 "it is a comment\n", NULL, 0},
{"no key", SITE "= 3\n",
 "f:4: there is no key before the =; write KEY = VALUE\n", NULL, 0},
{"a key before any section", "name = x\n" SITE,
 "f:1: the key stands before any section; begin with [site]\n", NULL, 0},
{"no value", "[site]\nname =\ndatabase = ; c\n", "f:2: name " EMPTY
 "f:3: database " EMPTY, NULL, 0},
{"a phone that begins with #", PEER "phone = #31#555\n", "f:7: phone " EMPTY,
 NULL, 0},
{"an unknown key, nearest known", PEER "phon = 1\n",
 "f:7: key \"phon\" is not known in [peer]; did you mean \"phone\"?\n",
 NULL, 0},
{"an unknown key, nothing near", SITE "[hooks]\nwxyzwxyz = 1\n",
 "f:5: key \"wxyzwxyz\" is not known in [hooks]; known are safe connect "
 "hangup held\n", NULL, 0},
{"a key of another section", PEER "database = 1\n",
 "f:7: key \"database\" is not known in [peer]; known are line phone login "
 "password-file every hours retry max-call budget security\n", NULL, 0},
{"a key in capitals", "[site]\nName = ann\nname = ann\ndatabase = c\n",
 "f:2: key \"Name\" is not known in [site]; did you mean \"name\"?\n",
 NULL, 0},
{"a key with a blank in it", SITE "bundle size = 1K\n",
 "f:4: key \"bundle size\" is not known in [site]; did you mean "
 "\"bundle-size\"?\n", NULL, 0},
{"a key of 64 letters", SITE X16("abcd") " = 1\n",
 "f:4: key \"abcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcd...\" "
 "is not known in [site]; known are name "
 "database apply-every pack-every pack-wait bundle-size forget-after\n",
 NULL, 0},
{"an unknown section, its keys left out", SITE "[pier hub]\nphone = 1\nfoo\n",
 "f:4: section [pier] is not known; did you mean \"peer\"?\n"
 "f:6: there is no = in the line; write KEY = VALUE, or a ; at its start if "
 "it is a comment\n", NULL, 0},
{"an unknown section, nothing near", SITE "[xxxxxxxxx]\n",
 "f:4: section [xxxxxxxxx] is not known; known are site line peer table "
 "hooks\n", NULL, 0},
{"an empty unknown section", SITE "[pears]\n",
 "f:4: section [pears] is not known; did you mean \"peer\"?\n", NULL, 0},
{"a section not closed", SITE "[peer hub\nphone = 1\n",
 "f:4: the section is not closed; put a ] at its end\n", NULL, 0},
{"text behind a section", SITE "[peer hub] home\nphone = 1\n",
 "f:4: there is text behind the ]; write a ; before a comment\n", NULL, 0},
{"a section without its name", SITE "[peer]\nphone = 1\n",
 "f:4: [peer] has no name; write [peer NAME]\n", NULL, 0},
{"a section with a name too many", SITE "[hooks x]\n",
 "f:4: [hooks] takes no name; write [hooks]\n", NULL, 0},
{"a name with a slash", SITE "[peer ../hub]\n",
 "f:4: \"../hub\" is not a name for a peer; " NAMES, NULL, 0},
{"a name of two words", SITE "[line a b]\n",
 "f:4: \"a b\" is not a name for a line; " NAMES, NULL, 0},
{"a site's name", "[site]\nname = a/b\ndatabase = c\n",
 "f:2: name \"a/b\" is not a name; " NAMES, NULL, 0},
{"a peer with the site's name", SITE "[peer ann]\n",
 "f:4: peer \"ann\" has this site's own name; every site needs a name of its "
 "own\n", NULL, 0},
{"a key given twice", LINE "speed = 1200\nflow = none\nspeed = 2400\n",
 "f:8: speed is given twice, first in line 6; remove one of them\n", NULL, 0},
{"a section given twice, its keys still checked", PEER "phone = 1\n"
 "[peer hub]\nphone = 2\nphon = 3\nevery = x\n",
 "f:8: section [peer hub] is there twice, first in line 6; join them\n"
 "f:10: key \"phon\" is not known in [peer]; did you mean \"phone\"?\n"
 "f:11: every \"x\" is not a time; write a number and s, m, h or d, for "
 "example 90s or 12h\n", NULL, 0},
{"[site] twice", SITE SITE,
 "f:4: section [site] is there twice, first in line 1; join them\n", NULL, 0},
{"a table twice in other letters", SITE "[table A]\n[table a]\n",
 "f:5: section [table a] is there twice, first in line 4; join them\n",
 NULL, 0},
{"a line that is not there, nearest", PEER "line = n\n",
 "f:7: there is no [line n]; did you mean \"m\"?\n", NULL, 0},
{"a line that is not there", PEER "line = satellite\n",
 "f:7: there is no [line satellite]; add that section, or remove this line\n",
 NULL, 0},
{"a line's peer that is not there", LINE "peer = hub\n",
 "f:6: there is no [peer hub]; add that section, or remove this line\n",
 NULL, 0},
{"a NUL byte", SITE "forget-after = 1\0d\n",
 "f:4: the line holds a NUL byte; is this a text file? remove the byte\n",
 NULL, sizeof(SITE "forget-after = 1\0d\n") - 1},
{"not UTF-8", SITE "; B\xfc""cher\n",
 "f:4: the line is not UTF-8; save the file as UTF-8\n", NULL, 0},
{"an overlong form", SITE "; \xc0\xaf\n",
 "f:4: the line is not UTF-8; save the file as UTF-8\n", NULL, 0},
{"UTF-8 cut at the line's end", SITE "; \xe2\x82\n",
 "f:4: the line is not UTF-8; save the file as UTF-8\n", NULL, 0},
{"a control character", SITE "; \x1b[2J\n",
 "f:4: the line holds a control character; remove it\n", NULL, 0},
{"a line of 4097 bytes", SITE ";" X16(X256("x")) "\n",
 "f:4: the line is longer than 4096 bytes; shorten it\n", NULL, 0},
{"a size", SITE "bundle-size = 64G\n",
 "f:4: bundle-size \"64G\" is not a size; write a number, or one with K or M, "
 "for example 64K\n", NULL, 0},
{"a size too large", SITE "bundle-size = 65M\n",
 "f:4: bundle-size \"65M\" is not a size from 1 to 64M; correct it\n",
 NULL, 0},
{"a time without its unit", SITE "apply-every = 120\n",
 "f:4: apply-every \"120\" is not a time; write a number and s, m, h or d, "
 "for example 90s or 12h\n", NULL, 0},
{"a time too short", SITE "apply-every = 0\n",
 "f:4: apply-every \"0\" is not a time from 1s to 30d; correct it\n", NULL, 0},
{"a time too long", LINE "connect-wait = 11m\n",
 "f:6: connect-wait \"11m\" is not a time from 1s to 10m; correct it\n",
 NULL, 0},
{"a speed", LINE "speed = 960O\n",
 "f:6: speed \"960O\" is not a number; write digits only, for example "
 "57600\n", NULL, 0},
{"a speed out of range", LINE "speed = 49\n",
 "f:6: speed \"49\" is not a number from 50 to 4000000; correct it\n",
 NULL, 0},
{"yes or no", LINE "modem = on\n",
 "f:6: modem \"on\" is not yes or no; write one of them\n", NULL, 0},
{"a choice, nearest", LINE "flow = rtsct\n",
 "f:6: flow \"rtsct\" is not known; did you mean \"rtscts\"?\n", NULL, 0},
{"a choice, nothing near", LINE "dial = rotating-disk\n",
 "f:6: dial \"rotating-disk\" is not known; write one of tone, pulse\n",
 NULL, 0},
{"protocol that is none", LINE "protocol = kermit\n",
 "f:6: protocol \"kermit\" is not known; write one of dialsync, zmodem\n",
 NULL, 0},
{"login without a password", PEER "login = ogin: \\L ssword: \\P\n",
 "f:7: login sends \\P, but there is no password; add password-file = FILE\n",
 NULL, 0},
{"a relative device", SITE "[line m]\ndevice = ttyS0\n",
 "f:5: device \"ttyS0\" is no absolute path and no tcp:, tcp-listen: or "
 "pipe:; write for example /dev/ttyS0\n"
 , NULL, 0},
{"a device of unknown form", SITE "[line m]\ndevice = tpc:h:1\n",
 "f:5: device \"tpc:h:1\" is no absolute path and no tcp:, tcp-listen: or "
 "pipe:; did you mean \"tcp:\"?\n", NULL, 0},
{"a tcp device without a port", SITE "[line m]\ndevice = tcp:host\n",
 "f:5: device address \"host\" is not HOST:PORT; write for example "
 "tcp:modem.example:5000\n", NULL, 0},
{"a tcp device without a host", SITE "[line m]\ndevice = tcp::5000\n",
 "f:5: device address \":5000\" is not HOST:PORT; write for example "
 "tcp:modem.example:5000\n", NULL, 0},
{"port 0", SITE "[line m]\ndevice = tcp:h:0\n",
 "f:5: port \"0\" is not a number from 1 to 65535; correct it\n", NULL, 0},
{"port 65536", SITE "[line m]\ndevice = tcp-listen:65536\n",
 "f:5: port \"65536\" is not a number from 1 to 65535; correct it\n", NULL, 0},
{"a bare IPv6 address", SITE "[line m]\ndevice = tcp-listen:::1:5000\n",
 "f:5: device address \"::1:5000\" is not [ADDR:]PORT; write tcp-listen:5000 "
 "or tcp-listen:127.0.0.1:5000\n", NULL, 0},
{"a pipe without a command", SITE "[line m]\ndevice = pipe:\n",
 "f:5: pipe: names no command; write pipe:COMMAND\n", NULL, 0},
{"a wrong device is not a missing one", SITE "[line m]\ndevice = x\n",
 "f:5: device \"x\" is no absolute path and no tcp:, tcp-listen: or "
 "pipe:; write for example /dev/ttyS0\n", NULL, 0},
{"hours without a time", PEER "hours = Sat-Sun\n",
 "f:7: hours \"Sat-Sun\" says no time; write \"Sat-Sun any\" or "
 "\"Sat-Sun 22:00-05:00\"\n", NULL, 0},
{"hours of no day", PEER "hours = Mun 1:00-2:00\n",
 "f:7: hours \"Mun 1:00-2:00\" is not understood; write for example "
 "\"Mon-Fri 22:00-05:00, Sat-Sun any\"\n", NULL, 0},
{"hours at no time", PEER "hours = Mon any, Tue 25:00-26:00\n",
 "f:7: hours \"Tue 25:00-26:00\" is not understood; write for example "
 "\"Mon-Fri 22:00-05:00, Sat-Sun any\"\n", NULL, 0},
{"hours with an empty item", PEER "hours = any,\n",
 "f:7: hours \"\" is not understood; write for example "
 "\"Mon-Fri 22:00-05:00, Sat-Sun any\"\n", NULL, 0},
{"retry with a bare number", PEER "retry = 5m 10\n",
 "f:7: retry \"5m 10\" is not a list of at most 16 times; write for example "
 "5m 10m 20m 40m\n", NULL, 0},
{"retry of 17", PEER "retry = " X16("1m ") "1m\n",
 "f:7: retry \"" "1m 1m 1m 1m 1m 1m 1m 1m 1m 1m 1m 1m 1m 1m 1m 1m 1m\" is not "
 "a list of at most 16 times; write for example 5m 10m 20m 40m\n", NULL, 0},
{"17 phones", PEER X16("phone = 1\n") "phone = 2\n",
 "f:23: there are more than 16 of phone; remove some\n", NULL, 0},
{"a budget a week", PEER "budget = 30m/week\n",
 "f:7: budget \"30m/week\" is not a time per day of at most 24h; write for "
 "example 30m/day, or 0 for no limit\n", NULL, 0},
{"a budget of two days a day", PEER "budget = 2d/day\n",
 "f:7: budget \"2d/day\" is not a time per day of at most 24h; write for "
 "example 30m/day, or 0 for no limit\n", NULL, 0},
{"all errors in one run, by line", "[site]\nname = a b\nfoo\n[peer hub]\n"
 "line = m\nevery = 1\n",
 "f:1: [site] has no database; add a line database = ...\n"
 "f:2: name \"a b\" is not a name; " NAMES
 "f:3: there is no = in the line; write KEY = VALUE, or a ; at its start if "
 "it is a comment\n"
 "f:5: there is no [line m]; add that section, or remove this line\n"
 "f:6: every \"1\" is not a time; write a number and s, m, h or d, for "
 "example 90s or 12h\n", NULL, 0},
};

static int run_row(const struct row *row)
{
	struct buf problems = BUF_INIT(100000), values = BUF_INIT(100000);
	struct err e = ERR_INIT;
	struct config *cfg;
	int wrong = 0, ret;

	ret = config_parse("f", row->text, row->n ? row->n :
	    strlen(row->text), &cfg, &problems, &e);
	if (strcmp(buf_str(&problems), row->problems ? row->problems : "")) {
		print_error("%s:\n got  %s want %s", row->name,
		    buf_str(&problems), row->problems ? row->problems : "\n");
		wrong = 1;
	}
	if (row->problems ? ret != -1 || e.kind != ERR_CONFIG || cfg :
	    ret != 0 || !cfg || e.kind != ERR_NONE) {
		print_error("%s: ret %d, %s\n", row->name, ret, e.text);
		wrong = 1;
	}
	if (cfg && row->values) {
		dump(&values, cfg);
		if (!strstr(buf_str(&values), row->values)) {
			print_error("%s:\n got  %s want %s\n", row->name,
			    buf_str(&values), row->values);
			wrong = 1;
		}
	}
	config_free(cfg);
	buf_free(&problems);
	buf_free(&values);
	return wrong;
}

static void test_rows(void **state)
{
	size_t i;
	int wrong = 0;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		wrong += run_row(&rows[i]);
	assert_int_equal(wrong, 0);
}

/* text of hours, day, minute -> minutes until they open */
static const struct {
	const char *name, *hours;
	int wday, minute, next;
} times[] = {
	{"any is now", "any", 3, 700, 0},
	{"before a window", "8:00-9:00", 0, 420, 60},
	{"a window's first minute", "8:00-9:00", 0, 480, 0},
	{"a window's end is outside", "8:00-9:00", 0, 540, 1380},
	{"over midnight, in the evening", "22:00-05:00", 2, 1320, 0},
	{"over midnight, in the morning", "22:00-05:00", 2, 299, 0},
	{"over midnight, at its end", "22:00-05:00", 2, 300, 1020},
	{"Saturday morning is Friday's night", "Mon-Fri 22:00-05:00", 6, 60, 0},
	{"Monday morning is Sunday's night", "mon-fri 22:00-05:00", 1, 60,
	 1260},
	{"the night of one day", "Tue 22:00-05:00", 3, 60, 0},
	{"the night of the day before", "Tue 22:00-05:00", 4, 60,
	 5 * 1440 + 1260},
	{"days over the week's end", "Sat-Mon any", 1, 1439, 0},
	{"days over the week's end, outside", "Sat-Mon any", 2, 0, 5760},
	{"to midnight", "23:00-24:00", 5, 1439, 0},
	{"to midnight written 0:00", "23:00-0:00", 5, 1439, 0},
	{"the second item", "Mon 1:00-2:00, Tue 3:00-4:00", 2, 185, 0},
	{"a week later", "Mon 1:00-2:00", 1, 120, 7 * 1440 - 60},
};

static void test_hours(void **state)
{
	struct buf why = BUF_INIT(400);
	struct config_hours h;
	size_t i;
	int wrong = 0, next;

	(void)state;
	for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		assert_true(hours_parse(times[i].hours, &h, &why));
		next = config_hours_next(&h, times[i].wday, times[i].minute);
		if (next != times[i].next)
			print_error("%s: got %d, want %d\n", times[i].name,
			    next, times[i].next);
		wrong += next != times[i].next;
		assert_int_equal(config_hours_open(&h, times[i].wday,
		    times[i].minute), next == 0);
	}
	h.n = 0;
	assert_int_equal(config_hours_next(&h, 0, 0), -1);
	assert_int_equal(wrong, 0);
}

static struct config *parsed(const char *text)
{
	struct config *cfg;

	assert_int_equal(config_parse("f", text, strlen(text), &cfg, NULL,
	    NULL), 0);
	return cfg;
}

static void test_lookups(void **state)
{
	struct err e = ERR_INIT;
	struct config *cfg = parsed(LINE "flow = none\n[peer hub]\n"
	    "[peer depot]\n[table T]\n");

	(void)state;
	assert_ptr_equal(config_peer(cfg, "depot"), &cfg->peers[1]);
	assert_null(config_peer(cfg, "Depot"));
	assert_ptr_equal(config_line(cfg, "m"), &cfg->lines[0]);
	assert_ptr_equal(config_table(cfg, "t"), &cfg->tables[0]);
	assert_ptr_equal(config_need_line(cfg, NULL, &e), &cfg->lines[0]);
	assert_ptr_equal(config_need_peer(cfg, "hub", &e), &cfg->peers[0]);
	assert_null(config_need_peer(cfg, "hubb", &e));
	assert_int_equal(e.kind, ERR_USAGE);
	assert_string_equal(e.text, "peer \"hubb\" is not known here; did you "
	    "mean \"hub\"?");
	assert_null(config_need_peer(cfg, NULL, &e));
	assert_string_equal(e.text, "there are 2 peers here; name the one that "
	    "is meant, for example hub");
	assert_null(config_need_line(cfg, "satellite", &e));
	assert_string_equal(e.text, "line \"satellite\" is not known here; see "
	    "f");
	assert_int_equal(config_key_at(&cfg->lines[0].where, "flow"), 6);
	assert_int_equal(config_key_at(&cfg->lines[0].where, "speed"), 4);
	config_free(cfg);
	cfg = parsed(SITE);
	assert_null(config_need_peer(cfg, NULL, &e));
	assert_string_equal(e.text, "f has no [peer NAME] yet; add one");
	config_free(cfg);
}

static void test_summary(void **state)
{
	struct err e = ERR_INIT;
	struct config *cfg;

	(void)state;
	config_parse("d/f", "[site]\nname = ann\n", 18, &cfg, NULL, &e);
	assert_string_equal(e.text, "d/f:1: [site] has no database; add a line "
	    "database = ...");
	config_parse("d/f", "[site]\n", 7, &cfg, NULL, &e);
	assert_string_equal(e.text, "d/f: 2 errors, the first in line 1: "
	    "[site] has no name; add a line name = ...");
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static void test_files_and_find(void **state)
{
	char dir[] = "/tmp/t_config.XXXXXX", home[1000], *found;
	struct err e = ERR_INIT;
	struct buf big = BUF_INIT(SIZE_MAX);
	struct config *cfg;

	(void)state;
	assert_non_null(getcwd(home, sizeof(home)));
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chdir(dir), 0);
	unsetenv("DIALSYNC_DIR");

	assert_int_equal(config_read(CONFIG_NAME, &cfg, NULL, &e), -1);
	assert_int_equal(e.kind, ERR_MISSING);
	assert_int_equal(config_find(NULL, &found, &e), -1);
	assert_int_equal(e.kind, ERR_MISSING);
	assert_non_null(strstr(e.text, "no site here"));

	write_file(CONFIG_NAME, SITE);
	assert_int_equal(config_read(CONFIG_NAME, &cfg, NULL, &e), 0);
	assert_string_equal(cfg->path, CONFIG_NAME);
	config_free(cfg);
	assert_int_equal(config_find(NULL, &found, &e), 0);
	assert_string_equal(found, ".");
	free(found);

	setenv("DIALSYNC_DIR", "/nonexistent/b", 1);
	assert_int_equal(config_find(NULL, &found, &e), -1);
	assert_non_null(strstr(e.text, "/nonexistent/b ($DIALSYNC_DIR)"));
	assert_int_equal(config_find("/nonexistent/a", &found, &e), -1);
	assert_non_null(strstr(e.text, "/nonexistent/a (-C)"));
	assert_int_equal(config_find(dir, &found, &e), 0);
	assert_string_equal(found, dir);
	free(found);
	unsetenv("DIALSYNC_DIR");

	while (big.n <= CONFIG_FILE_LIMIT)
		buf_adds(&big, "; a comment\n");
	write_file(CONFIG_NAME, buf_str(&big));
	buf_free(&big);
	assert_int_equal(config_read(CONFIG_NAME, &cfg, NULL, &e), -1);
	assert_int_equal(e.kind, ERR_CONFIG);
	assert_int_equal(unlink(CONFIG_NAME), 0);
	assert_int_equal(chdir(home), 0);
	assert_int_equal(rmdir(dir), 0);
}

/* A thousand sections are read, one more is an error; all in good time. */
static void test_many_sections(void **state)
{
	struct buf b = BUF_INIT(SIZE_MAX), problems = BUF_INIT(SIZE_MAX);
	struct config *cfg;
	int i;

	(void)state;
	buf_adds(&b, SITE);
	for (i = 1; i < CONFIG_SECTIONS_MAX; i++)
		buf_addf(&b, "[peer p%d]\n", i);
	assert_int_equal(config_parse("f", b.p, b.n, &cfg, NULL, NULL), 0);
	assert_int_equal(cfg->n_peers, CONFIG_SECTIONS_MAX - 1);
	config_free(cfg);
	buf_adds(&b, "[peer x]\n[peer y]\nphone = 1\n");
	assert_int_equal(config_parse("f", b.p, b.n, &cfg, &problems, NULL),
	    -1);
	assert_string_equal(buf_str(&problems),
	    "f:1003: there are more than 1000 sections; remove some\n");
	buf_free(&b);
	buf_free(&problems);
}

/* ".It Cm KEY = VALUE" as the manual page must have it for this key, as far
 * as the value can stand in roff unchanged. */
static void page_item(const struct config_key *k, char *out, size_t n)
{
	const char *value = k->example ? k->example : k->standard;

	snprintf(out, n, "\n.It Cm %s =%s%.*s", k->name, value ? " " : "",
	    value ? (int)strcspn(value, "\\") : 0, value ? value : "");
}

/* Does the item at this place begin with "Not used yet."? */
static bool page_says_later(const char *item)
{
	static const char later[] = "\nNot used yet.\n";
	const char *end = strchr(item + 1, '\n');

	return end && !strncmp(end, later, sizeof(later) - 1);
}

/* The manual page has a paragraph for every key, with its default (or, where
 * that says nothing, the template's example). */
static void test_manual_page(void **state)
{
	const char *top = getenv("abs_top_srcdir");
	char *path = fs_join(top ? top : ".", "doc/dialsync.conf.5");
	struct buf page = BUF_INIT(1 << 20);
	char want[200];
	const char *item;
	size_t kind, i;
	int wrong = 0;

	(void)state;
	assert_int_equal(fs_read(path, &page, NULL), 0);
	for (kind = 0; kind < CONFIG_KINDS; kind++)
		for (i = 0; i < config_sections[kind].n_keys; i++) {
			page_item(&config_sections[kind].keys[i], want,
			    sizeof(want));
			item = strstr(buf_str(&page), want);
			if (item && !page_says_later(item))
				continue;
			print_error(item ? "%s: \"Not used yet\" is wrong "
			    "for \"%s\"\n" : "%s lacks \"%s\"\n", path,
			    want + 1);
			wrong++;
		}
	assert_int_equal(wrong, 0);
	buf_free(&page);
	free(path);
}

static uint64_t next_random(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

/* Pieces that lead deep into the reader, between bytes at random. */
static void random_text(struct buf *b, uint64_t *x)
{
	static const char *const pieces[] = {
		SITE, "[line m]\n", "[peer hub]\n", "[table ", "[hooks]\n",
		"device = ", "tcp:", "tcp-listen:", "[::1]:", "pipe:", "/dev/",
		"hours = ", "Mon-Fri ", "22:00-05:00", ", ", "any", "retry = ",
		"5m ", "budget = ", "30m/day", "phone = ", "line = m\n",
		"\\#", " ;", " #", "\\", "\r\n", "\n", "\n", "\n", "=", "]",
		"bundle-size = ", "99999999999999999999", "64K", "\xc3\xbc",
		"\xe2\x82", "security = ", "speed = ", "-1", "[", "login = "
	};
	size_t n = next_random(x) % 40;
	uint64_t r, whole = next_random(x) % 8;

	buf_reset(b);
	if (whole)
		buf_adds(b, PEER);
	for (n = whole > 4 ? n % 4 : n; n > 0; n--) {
		r = next_random(x);
		if (r % 4)
			buf_adds(b, pieces[(r >> 8) %
			    (sizeof(pieces) / sizeof(pieces[0]))]);
		else
			buf_addc(b, (char)(r >> 16));
	}
}

/* Every input gives a config, or problems that all name a line of it, in
 * order; and never a crash. */
static int check_outcome(const struct buf *in, uint64_t seed)
{
	struct buf problems = BUF_INIT(SIZE_MAX);
	struct err e = ERR_INIT;
	struct config *cfg;
	long at, before = 1, lines = 1;
	const char *p;
	char *end;
	size_t i;
	int ret = config_parse("f", buf_str(in), in->n, &cfg, &problems, &e);

	for (i = 0; i < in->n; i++)
		lines += in->p[i] == '\n';
	if ((ret == 0) != (problems.n == 0) || (ret == 0) != (cfg != NULL) ||
	    (ret != 0 && e.kind != ERR_CONFIG))
		fail_msg("SEED=%llu: %d, %s", (unsigned long long)seed, ret,
		    buf_str(&problems));
	for (p = buf_str(&problems); *p; p = strchr(p, '\n') + 1) {
		at = strncmp(p, "f:", 2) ? 0 : strtol(p + 2, &end, 10);
		if (at < before || at > lines || *end != ':' ||
		    !strchr(p, '\n'))
			fail_msg("SEED=%llu: %s", (unsigned long long)seed,
			    buf_str(&problems));
		before = at;
	}
	config_free(cfg);
	buf_free(&problems);
	return ret;
}

static void test_random_bytes(void **state)
{
	const char *given = getenv("SEED");
	uint64_t seed = given ? strtoull(given, NULL, 10) :
	    (uint64_t)time(NULL) | 1, x = seed ? seed : 1;
	struct buf in = BUF_INIT(100000);
	int i, good = 0;

	(void)state;
	print_message("SEED=%llu\n", (unsigned long long)seed);
	for (i = 0; i < 20000; i++) {
		random_text(&in, &x);
		good += check_outcome(&in, seed) == 0;
	}
	/* Both ways are gone, or the inputs prove nothing. */
	assert_in_range(good, 20, 19980);
	print_message("%d of 20000 were right\n", good);
	buf_free(&in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_hours),
		cmocka_unit_test(test_lookups),
		cmocka_unit_test(test_summary),
		cmocka_unit_test(test_files_and_find),
		cmocka_unit_test(test_many_sections),
		cmocka_unit_test(test_manual_page),
		cmocka_unit_test(test_random_bytes),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
