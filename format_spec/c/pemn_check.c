/* pemn_check.c - the command pemn-check: is this a whole and right .pemn archive?
 *
 *     pemn-check [--quiet] [--max-weights N] [--max-bytes N] [--max-file-bytes N] FILE...
 *
 * One JSON object for each file, on a line of its own. Exit status: 0 where all files are right, 1
 * where one is not, 2 for a usage, system or I/O error.
 */
#include "pemn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char USAGE[] =
    "usage: pemn-check [--quiet] [--max-weights N] [--max-bytes N] [--max-file-bytes N] FILE...\n"
    "\n"
    "Check all that .pemn archives promise; print a JSON object for each.\n"
    "  --quiet           print nothing: the exit status says it\n"
    "  --max-weights N   elements of all tensors, and of the prototype (default 1073741824)\n"
    "  --max-bytes N     bytes of all restored tensors (default 4294967296)\n"
    "  --max-file-bytes N   of a file (default 4294967296)\n"
    "Exit status: 0 right, 1 broken, 2 usage, system or I/O error.\n";

#define MOST_PRINTED 4096 /* bytes of a string; names of tensors and messages are shorter */

/* Bytes of a well-formed UTF-8 character at the start of a string, 0 if there is none. */
static size_t character(const unsigned char *s, unsigned long *point)
{
    size_t size = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4, i;
    if (s[0] > 0xf4)
        return 0;
    *point = size < 2 ? s[0] : s[0] & (0x7fu >> size);
    for (i = 1; i < size; i++) {
        if (s[i] < 0x80 || s[i] > 0xbf)
            return 0;
        *point = *point << 6 | (s[i] & 0x3f);
    }
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    return size;
}

/* Nothing but printable ASCII reaches a terminal. A file's name may be any bytes: those that are no
 * UTF-8 become U+FFFD, and one that is too long ends with U+2026. */
static void print_string(const char *text)
{
    const unsigned char *s = (const unsigned char *)text, *end = s;
    unsigned long point = 0;
    while (*end != '\0' && end - s < MOST_PRINTED)
        end++;
    (void)putchar('"');
    while (s < end) {
        size_t size = character(s, &point);
        if (size == 0) {
            point = 0xfffd;
            size = 1;
        }
        if (point == '"' || point == '\\')
            (void)printf("\\%c", (int)point);
        else if (point >= 0x20 && point < 0x7f)
            (void)putchar((int)point);
        else if (point < 0x10000)
            (void)printf("\\u%04lx", point);
        else
            (void)printf("\\u%04lx\\u%04lx", 0xd800 + ((point - 0x10000) >> 10),
                         0xdc00 + ((point - 0x10000) & 0x3ff));
        s += size;
    }
    (void)fputs(*s == '\0' ? "\"" : "\\u2026\"", stdout);
}

static void print_digest(const uint8_t digest[32])
{
    int i;
    (void)putchar('"');
    for (i = 0; i < 32; i++)
        (void)printf("%02x", (unsigned)digest[i]);
    (void)putchar('"');
}

static int print_tensors(pemn_file *file, char error[PEMN_ERROR_SIZE])
{
    size_t i;
    for (i = 0; i < pemn_tensor_count(file); i++) {
        uint8_t digest[32];
        pemn_tensor info;
        unsigned d;
        int status = pemn_tensor_info(file, i, &info);
        if (status == PEMN_OK) /* pemn_verify() has computed it: this costs nothing */
            status = pemn_tensor_sha256(file, i, digest, error);
        if (status != PEMN_OK)
            return status;
        (void)printf("%s{\"name\":", i == 0 ? "" : ",");
        print_string(info.name);
        (void)printf(",\"dtype\":\"%s\",\"shape\":[", info.dtype);
        for (d = 0; d < info.rank; d++)
            (void)printf("%s%llu", d == 0 ? "" : ",", (unsigned long long)info.shape[d]);
        (void)fputs("],\"sha256\":", stdout);
        print_digest(digest);
        if (info.plane != NULL)
            (void)printf(",\"plane\":{\"kind\":\"%s\",\"count\":%llu}", info.plane,
                         (unsigned long long)info.departures);
        (void)putchar('}');
    }
    return PEMN_OK;
}

/* Check one file, and print what was found; the status is the exit status. */
static int check(const char *path, const pemn_limits *limits, int quiet)
{
    char error[PEMN_ERROR_SIZE] = "";
    pemn_file *file = NULL;
    uint8_t digest[32];
    int status = pemn_open(path, limits, &file, error);
    if (status == PEMN_OK)
        status = pemn_verify(file, error);
    if (!quiet) {
        (void)fputs("{\"file\":", stdout);
        print_string(path);
        if (status == PEMN_OK) {
            (void)printf(",\"ok\":true,\"version\":\"%d.%u\",\"tensors\":[", PEMN_MAJOR,
                         pemn_minor(file));
            status = print_tensors(file, error);
            pemn_restored_sha256(file, digest);
            (void)fputs("],\"restored_sha256\":", stdout);
            print_digest(digest);
        } else {
            (void)fputs(",\"ok\":false,\"error\":", stdout);
            print_string(error);
        }
        (void)fputs("}\n", stdout);
    }
    pemn_close(file);
    return status <= PEMN_BROKEN ? status : 2;
}

static int number(const char *text, uint64_t *out)
{
    uint64_t value = 0;
    if (text == NULL || *text == '\0')
        return 0;
    for (; *text != '\0'; text++) {
        unsigned digit = (unsigned)(*text - '0');
        if (*text < '0' || *text > '9' || value > (UINT64_MAX - digit) / 10)
            return 0;
        value = value * 10 + digit;
    }
    *out = value;
    return 1;
}

static int usage(void)
{
    (void)fputs(USAGE, stderr);
    return 2;
}

int main(int argc, char **argv)
{
    pemn_limits limits = pemn_default_limits();
    int i, quiet = 0, worst = 0;
    for (i = 1; i < argc && argv[i][0] == '-' && argv[i][1] != '\0'; i++) {
        if (strcmp(argv[i], "--") == 0) {
            i++;
            break;
        }
        if (strcmp(argv[i], "--help") == 0)
            return fputs(USAGE, stdout) == EOF ? 2 : 0;
        if (strcmp(argv[i], "--quiet") == 0) {
            quiet = 1;
        } else if (strcmp(argv[i], "--max-weights") == 0) {
            if (i + 1 == argc || !number(argv[++i], &limits.max_weights))
                return usage();
        } else if (strcmp(argv[i], "--max-bytes") == 0) {
            if (i + 1 == argc || !number(argv[++i], &limits.max_bytes))
                return usage();
        } else if (strcmp(argv[i], "--max-file-bytes") == 0) {
            if (i + 1 == argc || !number(argv[++i], &limits.max_file_bytes))
                return usage();
        } else {
            return usage();
        }
    }
    if (i >= argc)
        return usage();
    for (; i < argc; i++) {
        int status = check(argv[i], &limits, quiet);
        worst = status > worst ? status : worst;
    }
    if (fflush(stdout) != 0 || ferror(stdout))
        return 2;
    return worst;
}
