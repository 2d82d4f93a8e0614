/* modem/who_is_there.c: what lines have really said, row by row; then every
 * beginning of every row, and random bytes.  SEED=n repeats these. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "modem/who_is_there.h"

#define B(s) (const uint8_t *)(s), sizeof(s) - 1
#define NONE NULL, 0

/* A hello as the caller sends it (doc/EXCHANGE.md): magic, version, flags,
 * mask, length, 48 bytes of noise, CRC. */
#define HELLO "\x9d" "ds\x01\x04\x01\x30" \
	"\x7b\x18\x51\xe2\x09\x44\xfa\x3c\x6d\x81\xb7\x22\x5e\x90\xc4\x1f" \
	"\xa8\x33\x02\x7f\xd6\x4b\xe9\x18\x50\x66\xbd\x71\x2a\x8f\xdc\x47" \
	"\x03\xee\x95\x5a\xc1\x38\x84\x20\xf7\x69\x0c\xbb\x12\x9e\x73\xd5" \
	"\x41\xa2\x5c\x08"
/* The same from the other side, with its own key. */
#define OTHER "\x9d" "ds\x01\x05\x00\x30" \
	"\xc9\x52\x3e\xa7\x16\x8b\xf0\x64\x2d\x99\x45\xde\x70\x0b\xb3\x1c" \
	"\x87\xf9\x61\x24"
#define HELLO7 "\x1d" "ds\x01\x04\x01\x30" \
	"\x7b\x18\x51\x62\x09\x44\x7a\x3c\x6d\x01\x37\x22\x5e\x10\x44\x1f"

static const struct row {
	const char *name;
	const uint8_t *in;
	size_t n;
	const uint8_t *sent;
	size_t n_sent;
	enum who who;
	const char *text; /* w.text is this; NULL: any */
} rows[] = {
	{"nothing came", NONE, B(HELLO), WHO_NOBODY, ""},
	{"XON alone", B("\x11"), B(HELLO), WHO_FLOW, ""},
	{"XOFF and XON", B("\x13\x11\x13\x11"), NONE, WHO_FLOW, ""},

	{"the hello comes back", B(HELLO), B(HELLO), WHO_ECHO, ""},
	{"the hello comes back twice", B(HELLO HELLO), B(HELLO), WHO_ECHO, ""},
	{"the hello comes back without bit 8", B(HELLO7), B(HELLO), WHO_ECHO,
	    ""},
	{"part of it comes back, behind noise",
	    B("\x83\xc1\x18\x51\xe2\x09\x44\xfa\x3c\x6d\x81\xb7\x22\x5e"),
	    B(HELLO), WHO_ECHO, ""},
	{"a terminal shows its control characters",
	    B("ds^A^D^A0{^XQb^IDz<m^A7\"^P"), B("ds\x01\x04\x01" "0{\x18Qb\tDz"
		"<m\x01" "7\"\x10"), WHO_ECHO, ""},
	{"login script's words and the hello come back",
	    B("ann\r\n" HELLO), B("ann\r" HELLO), WHO_ECHO, ""},
	{"another hello is no echo", B(OTHER), B(HELLO), WHO_DIALSYNC, ""},
	{"an echo, then a hello", B(HELLO OTHER), B(HELLO), WHO_DIALSYNC, ""},
	{"a getty echoes the hello, then asks anew",
	    B(HELLO "\r\ngate login: "), B(HELLO), WHO_LOGIN, "gate login:"},

	{"Debian's getty",
	    B("\r\nDebian GNU/Linux 12 hilltop ttyS0\r\n\r\nhilltop login: "),
	    NONE, WHO_LOGIN, "hilltop login:"},
	{"mgetty", B("\r\n\r\nhub!login: "), NONE, WHO_LOGIN, "hub!login:"},
	{"BSD's getty", B("\r\r\n\rFreeBSD/amd64 (gate) (ttyu0)\r\r\n\rlogin: "),
	    NONE, WHO_LOGIN, "login:"},
	{"Solaris", B("\r\nSunOS 5.10\r\n\r\ngate console login: "), NONE,
	    WHO_LOGIN, "gate console login:"},
	{"SCO asks in capitals", B("\r\nTERMINAL 3\r\nLOGIN: "), NONE,
	    WHO_LOGIN, "LOGIN:"},
	{"Cisco asks for a user",
	    B("\r\n\r\nUser Access Verification\r\n\r\nUsername: "), NONE,
	    WHO_LOGIN, "Username:"},
	{"VMS", B("\r\n Welcome to OpenVMS (TM) Alpha, V7.3\r\n\r\nUsername: "),
	    NONE, WHO_LOGIN, "Username:"},
	{"Livingston's terminal server", B("\r\npm3 login: "), NONE, WHO_LOGIN,
	    "pm3 login:"},
	{"packet radio", B("Welcome to DB0XYZ\rPlease enter your callsign: "),
	    NONE, WHO_LOGIN, "Please enter your callsign:"},
	{"in colours", B("\x1b[2J\x1b[1;32mgate\x1b[0m login: \x1b[K"), NONE,
	    WHO_LOGIN, "gate login:"},
	{"German", B("Willkommen\r\nBenutzername: "), NONE, WHO_LOGIN,
	    "Benutzername:"},
	{"the hello went to a getty as a name",
	    B("\x9d" "ds^A^D\r\nPassword: "), B(HELLO), WHO_PASSWORD,
	    "Password:"},
	{"a password prompt", B("ann\r\nPassword: "), B("ann\r"),
	    WHO_PASSWORD, "Password:"},
	{"a router's password", B("\r\nUser Access Verification\r\n\r\n"
	    "Password: "), NONE, WHO_PASSWORD, "Password:"},
	{"a passphrase", B("Enter PASSPHRASE: "), NONE, WHO_PASSWORD,
	    "Enter PASSPHRASE:"},
	{"German password", B("Kennwort: "), NONE, WHO_PASSWORD, "Kennwort:"},
	{"login incorrect", B("\r\nLogin incorrect\r\nhub login: "), NONE,
	    WHO_LOGIN_FAILED, "Login incorrect"},
	{"a router's refusal", B("% Access denied\r\n"), NONE,
	    WHO_LOGIN_FAILED, "% Access denied"},
	{"refused and hung up", B("Password: \r\nLogin incorrect\r\n"
	    "\r\nNO CARRIER\r\n"), NONE, WHO_LOGIN_FAILED, "Login incorrect"},

	{"a bulletin board", B("ANSI graphics (Y/n)? "), NONE, WHO_PROMPT,
	    "ANSI graphics (Y/n)?"},
	{"another one", B("\x0cHit <ESC> twice, or ENTER to continue"), NONE,
	    WHO_PROMPT, NULL},
	{"a terminal server", B("\r\nSelect a host [1-4]: "), NONE,
	    WHO_PROMPT, "Select a host [1-4]:"},

	{"bash", B("Last login: Sun Nov 22 21:14:03 2026 on ttyS0\r\n"
	    "ann@hub:~$ "), NONE, WHO_SHELL, "ann@hub:~$"},
	{"bash with bracketed paste and a title",
	    B("\x1b[?2004h\x1b]0;ann@hub: ~\x07" "ann@hub:~$ "), NONE,
	    WHO_SHELL, "ann@hub:~$"},
	{"root's sh", B("\r\n# "), NONE, WHO_SHELL, "#"},
	{"csh", B("gate% "), NONE, WHO_SHELL, "gate%"},
	{"bash says not found",
	    B("-bash: \x9d" "ds: command not found\r\nann@hub:~$ "), NONE,
	    WHO_SHELL, NULL},
	{"dash says not found", B("sh: 1: ds: not found\r\n$ "), NONE,
	    WHO_SHELL, "sh: 1: ds: not found"},
	{"DOS", B("\r\nC:\\>"), NONE, WHO_SHELL, "C:\\x5C>"},
	{"DOS, wrong", B("Bad command or file name\r\n\r\nC:\\TEMP>"), NONE,
	    WHO_SHELL, "Bad command or file name"},
	{"a router", B("\r\nrouter>"), NONE, WHO_SHELL, "router>"},
	{"a boot loader", B("U-Boot 2013.01\r\n=> "), NONE, WHO_SHELL, "=>"},

	{"NO CARRIER", B("\r\nNO CARRIER\r\n"), B(HELLO), WHO_MODEM,
	    "NO CARRIER"},
	{"BUSY", B("\r\nBUSY\r\n"), NONE, WHO_MODEM, "BUSY"},
	{"OK: still in command state", B("AT\r\r\nOK\r\n"), NONE, WHO_MODEM,
	    "OK"},
	{"the hello was a command", B(HELLO "\r\nERROR\r\n"), B(HELLO),
	    WHO_MODEM, "ERROR"},
	{"NO DIALTONE", B("\r\nNO DIALTONE\r\n"), NONE, WHO_MODEM,
	    "NO DIALTONE"},
	{"RING", B("\r\nRING\r\n\r\nRING\r\n"), NONE, WHO_MODEM, "RING"},
	{"dropped in the middle", B("\x7f\x83 xx\xc1\r\nNO CARRIER\r\n"),
	    NONE, WHO_MODEM, "NO CARRIER"},
	{"V0: 3", B("3\r"), NONE, WHO_MODEM, "NO CARRIER"},
	{"V0: 7", B("7\r"), NONE, WHO_MODEM, "BUSY"},
	{"NO CARRIER within text is none",
	    B("he said NO CARRIER to me\r\n"), NONE, WHO_TEXT, NULL},

	{"a telnet server", B("\xff\xfd\x18\xff\xfd\x20\xff\xfd\x23\xff\xfd"
	    "\x27"), NONE, WHO_TELNET, NULL},
	{"telnet, then login", B("\xff\xfb\x01\xff\xfb\x03\xff\xfd\x1f\r\n"
	    "gate login: "), NONE, WHO_TELNET, NULL},
	{"ser2net with telnet", B("\xff\xfb\x03\xff\xfb\x01\xff\xfe\x01\xff"
	    "\xfd\x00\xff\xfd\x2c"), NONE, WHO_TELNET, NULL},
	{"one IAC in noise is none",
	    B("\x37\xa2\x5e\xff\xfd\x18\x4a\xd3\x95\x2b\x6c\xb4\x51\xe5"),
	    NONE, WHO_NOISE, NULL},

	{"sz", B("rz\r**\x18" "B00000000000000\r\x8a\x11"), B(HELLO),
	    WHO_ZMODEM, "sz, which sends"},
	{"rz", B("**\x18" "B0100000023be50\r\x8a\x11"), B(HELLO), WHO_ZMODEM,
	    "rz, which receives"},
	{"rz says so", B("rz waiting to receive.**\x18" "B0100000023be50\r"
	    "\x8a\x11"), NONE, WHO_ZMODEM, "rz, which receives"},
	{"sz over seven bits", B("**\x18" "B00000000000000\r\n\x11"), NONE,
	    WHO_ZMODEM, NULL},
	{"our own ZMODEM comes back", B("rz\r**\x18" "B00000000000000\r\x8a"
	    "\x11"), B("rz\r**\x18" "B00000000000000\r\x8a\x11"), WHO_ECHO,
	    ""},
	{"uucico", B("\x10Shere=hub\0\x10Shere=hub\0"), NONE, WHO_UUCP,
	    "Shere=hub"},
	{"uucico after its login", B("Password:\r\n\x10Shere\0"), NONE,
	    WHO_UUCP, "Shere"},
	{"uucico with parity", B("\x90\x53\xe8\x65\x72\x65\0"), NONE,
	    WHO_UUCP, NULL},
	{"sshd", B("SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n"), B(HELLO),
	    WHO_SSH, "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3"},
	{"sshd behind a banner", B("Authorized use only\r\n"
	    "SSH-2.0-dropbear_2022.83\r\n"), NONE, WHO_SSH,
	    "SSH-2.0-dropbear_2022.83"},
	{"a web server", B("HTTP/1.1 400 Bad Request\r\nServer: nginx\r\n"
	    "Content-Type: text/html\r\n\r\n<html>"), NONE, WHO_HTTP,
	    "HTTP/1.1 400 Bad Request"},
	{"a web server over TLS", B("\x15\x03\x01\x00\x02\x02\x46"), NONE,
	    WHO_PROGRAM, "TLS"},
	{"pppd", B("~\xff}#\xc0!}!}!} }4}\"}&} } } } }%}&\xd5\x1f\x0b\x9a~"),
	    NONE, WHO_PPP, "LCP"},
	{"pppd behind text", B("Entering PPP mode.\r\n~\xff}#\xc0!}!}\"} "
	    "}.~"), NONE, WHO_PPP, "LCP"},
	{"pppd without escapes",
	    B("\x7e\xff\x03\xc0\x21\x01\x01\x00\x14\x02\x06"), NONE, WHO_PPP,
	    "LCP"},
	{"a mail server", B("220 mx.example.org ESMTP Postfix\r\n"), NONE,
	    WHO_PROGRAM, "mail or FTP"},
	{"a GPS mouse", B("$GPGGA,092750.000,5321.6802,N,00630.3372,W,1,8*7F"
	    "\r\n$GPRMC,092750.000,A\r\n"), NONE, WHO_PROGRAM,
	    "a GPS receiver"},
	{"Kermit", B("\x01, S~/ @-#Y3~*!J2U1@ <\r"), NONE, WHO_PROGRAM,
	    "Kermit"},
	{"XMODEM", B("CCCC"), NONE, WHO_PROGRAM, "XMODEM or YMODEM"},

	{"a hello over seven bits", B("\x1d" "ds\x01\x05\x00\x30\x49\x52\x3e"
	    "\x27\x16\x0b"), B(HELLO), WHO_SEVEN_BITS, "dialsync's hello"},
	{"a hello with even parity", B("\x1d\xe4\xf3\x81\x05\x00\x30"),
	    B(HELLO), WHO_SEVEN_BITS, "dialsync's hello"},
	{"login with even parity", B("\x8d\x0a\xe8\xf5\xe2\xa0\x6c\x6f\xe7"
	    "\x69\xee\x3a\xa0"), NONE, WHO_SEVEN_BITS, "hub login:"},
	{"login with odd parity", B("\x0d\x8a\x68\x75\x62\x20\xec\xef\x67"
	    "\xe9\x6e\xba\x20"), NONE, WHO_SEVEN_BITS, "hub login:"},
	{"login with mark parity", B("\x8d\x8a\xec\xef\xe7\xe9\xee\xba\xa0"),
	    NONE, WHO_SEVEN_BITS, "login:"},

	{"1200 heard at 9600", B("\x00\x80\xf8\x00\x80\xf8\x00\xfe\x80\x00"
	    "\xf8\x80\x00\xf8"), B(HELLO), WHO_SPEED, NULL},
	{"2400 heard at 9600", B("\xe0\x00\xfe\x1e\xe0\xfe\x80\x00\xe0\x1e"
	    "\xfe\x00\x80\xf8\xe0\xfe"), NONE, WHO_SPEED, NULL},
	{"9600 heard at 28800", B("\x1c\xfc\xe3\x1c\x00\xe0\xfc\x1f\x03\xe0"
	    "\xfc\xff\x1c\xe0\x00\xfc"), NONE, WHO_SPEED, NULL},
	{"a break that does not end", B("\0\0\0\0\0\0\0\0\0\0\0\0"), NONE,
	    WHO_SPEED, NULL},
	{"a line that is idle the wrong way round", B("\xff\xff\xff\xff\xff"
	    "\xff\xff\xff\xff"), NONE, WHO_SPEED, NULL},
	{"a welcome without a question",
	    B("Welcome to the hilltop station.\r\nAll calls are logged.\r\n"),
	    NONE, WHO_TEXT, "All calls are logged."},
	{"one letter", B("x"), NONE, WHO_TEXT, "x"},
	{"noise", B("\x37\xa2\x5e\x99\x0b\xd6\x4a\xd3\x95\x2b\x6c\xb4\x51"
	    "\xe5\xaa\x16"), B(HELLO), WHO_NOISE, "37 A2 5E 99 0B D6 4A D3 "
	    "..."},
	{"a few bytes of noise", B("\xd6\x4a\xa5"), NONE, WHO_NOISE,
	    "D6 4A A5"},
	{"a hello that lost its head", B("\x8b\xf0\x64\x2d\x99\x45\xde\x70"
	    "\x0b\xb3\x1c\x87\xf9\x61\x24"), B(HELLO), WHO_NOISE, NULL},
};

#define N_ROWS (sizeof rows / sizeof *rows)

/* Whatever it says can be printed, and says what to do. */
static void check_sentence(const struct who_is_there *w)
{
	assert_true(w->who < WHO_COUNT);
	assert_true(strlen(w->sentence) + 1 < sizeof w->sentence);
	assert_non_null(strchr(w->sentence, ';'));
	for (const char *p = w->sentence; *p; p++)
		assert_true(*p >= 0x20 && *p < 0x7f);
	assert_true(*w->text == '\0' || w->who == WHO_DIALSYNC ||
	    strstr(w->sentence, w->text));
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ROWS; i++) {
		const struct row *r = &rows[i];
		struct who_is_there w;

		who_is_there(r->in, r->n, r->sent, r->n_sent, &w);
		if (w.who != r->who ||
		    (r->text && strcmp(r->text, w.text) != 0))
			fail_msg("%s: is %s \"%s\", should be %s \"%s\"",
			    r->name, who_word(w.who), w.text,
			    who_word(r->who), r->text ? r->text : "(any)");
		check_sentence(&w);
	}
}

/* Every kind has a row, and words that differ. */
static void test_words(void **state)
{
	(void)state;
	for (int who = 0; who < WHO_COUNT; who++) {
		size_t n = 0;

		for (size_t i = 0; i < N_ROWS; i++)
			n += (int)rows[i].who == who;
		assert_true(n > 0);
		for (int other = 0; other < who; other++)
			assert_string_not_equal(who_word((enum who)who),
			    who_word((enum who)other));
	}
}

/* What makes the call give up at once must not be said of the beginning of
 * a hello, however it is cut. */
static void test_no_haste(void **state)
{
	static const uint8_t hello[] = OTHER, mine[] = HELLO;
	static const char before[] = "Last login: Sun Nov 22 21:14:03 on "
	    "ttyS0\r\nYou have mail.\r\n";
	uint8_t in[sizeof before + sizeof hello];
	size_t n = sizeof before - 1;
	struct who_is_there w;

	(void)state;
	memcpy(in, before, n);
	memcpy(in + n, hello, sizeof hello - 1);
	for (size_t k = 0; k < sizeof hello; k++) {
		who_is_there(hello, k, mine, sizeof mine - 1, &w);
		assert_false(w.final);
		who_is_there(in, n + k, mine, sizeof mine - 1, &w);
		assert_false(w.final);
	}
}

/* Beginnings and ends of all rows: no bad access, good sentences.  Bytes
 * stand at the end of their allocation, so that a checker sees. */
static void test_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ROWS; i++)
		for (size_t k = 0; k <= rows[i].n; k++) {
			uint8_t *p = malloc(k ? k : 1);
			struct who_is_there w;

			assert_non_null(p);
			memcpy(p, rows[i].in ? rows[i].in : p, k);
			who_is_there(p, k, rows[i].sent, rows[i].n_sent, &w);
			check_sentence(&w);
			if (k)
				who_is_there(rows[i].in + k, rows[i].n - k,
				    p, k, &w);
			check_sentence(&w);
			free(p);
		}
}

static void test_random(void **state)
{
	static uint8_t in[3 * WHO_LOOK], sent[2 * WHO_LOOK];
	unsigned noise = 0;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		size_t n = (size_t)rand() % sizeof in;
		struct who_is_there w;

		for (size_t k = 0; k < sizeof in; k++)
			in[k] = (uint8_t)(rand() >> 8);
		for (size_t k = 0; k < sizeof sent; k++)
			sent[k] = (uint8_t)(rand() >> 8);
		who_is_there(in, n, sent, (size_t)rand() % sizeof sent, &w);
		check_sentence(&w);
		noise += n > 32 && w.who == WHO_NOISE;
		noise += n <= 32;
	}
	/* 2000 times up to 512 random bytes: seldom anything else */
	assert_true(noise >= 1980);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_no_haste),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_random),
	};
	const char *s = getenv("SEED");
	unsigned seed = s ? (unsigned)strtoul(s, NULL, 10) : 1;

	printf("SEED=%u\n", seed);
	srand(seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
