/* dnsapi.dll for tests: a DNS client cache whose content is a text file, and a witness of every query.
 *
 * The file ($IOCSWEEP_TEST_DNS, else dnsapi.txt beside this DLL; UTF-8, `#` starts a comment) has one record a line:
 *
 *     www.example.org  A                       in the cache as not existing (asked for, answer 9003)
 *     example.org      A      192.0.2.1        in the cache with this answer
 *     example.org      AAAA   2001:db8::1
 *     www.example.org  CNAME  example.org      followed, as Windows does
 *     example.org      HTTPS  000100           other types: the data as hex digits
 *
 * DnsGetCacheDataTable lists each name and type once. DnsQuery_W appends "query NAME TYPE FLAGS" (tabs between) to
 * $IOCSWEEP_TEST_DNS_LOG, else dnsapi.log beside this DLL. A call that could reach the network or the hosts file, for
 * want of DNS_QUERY_NO_WIRE_QUERY or DNS_QUERY_NO_HOSTS_FILE, is logged as "VIOLATION …" and refused. No call here
 * ever reaches the network. Other exports are those that Wine's own DLLs import (iphlpapi, netapi32).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>
#include <winternl.h>

#define NO_WIRE_QUERY 0x10
#define NO_HOSTS_FILE 0x40
#define MOST_LINE 1024
#define MOST_CHAIN 8

NTSYSAPI LONG NTAPI RtlIpv4StringToAddressA(PCSTR, BOOLEAN, PCSTR *, void *);
NTSYSAPI LONG NTAPI RtlIpv6StringToAddressA(PCSTR, PCSTR *, void *);

/* Of windns.h, whose prototypes differ between versions of MinGW. */
enum { TYPE_A = 1, TYPE_CNAME = 5, TYPE_AAAA = 28 };
enum { FREE_RECORD_LIST = 1 };
enum { NAME_ERROR = 9003, RECORD_DOES_NOT_EXIST = 9701 };

struct record {
    struct record *next;
    WCHAR *name;
    WORD type;
    WORD length;
    DWORD flags;
    DWORD ttl;
    DWORD reserved;
    union {
        WCHAR *host;
        BYTE bytes[MOST_LINE];
    } data;
};

/* What DnsGetCacheDataTable gives; undocumented, as ipconfig.exe uses it. */
struct entry {
    struct entry *next;
    WCHAR *name;
    WORD type;
    WORD length;
    DWORD flags;
};

struct line {
    WCHAR *name;
    WORD type;
    char value[MOST_LINE]; /* empty: cached as not existing */
    struct line *next;
};

static HMODULE self;

BOOL WINAPI DllMain(HINSTANCE instance, DWORD reason, void *reserved)
{
    (void)reserved;
    if (reason == DLL_PROCESS_ATTACH)
        self = instance;
    return TRUE;
}

static void path_of(const WCHAR *variable, const WCHAR *suffix, WCHAR path[MAX_PATH])
{
    DWORD length = GetEnvironmentVariableW(variable, path, MAX_PATH);
    if (length && length < MAX_PATH)
        return;
    length = GetModuleFileNameW(self, path, MAX_PATH);
    if (length > 4 && length < MAX_PATH)
        memcpy(path + length - 4, suffix, 5 * sizeof(WCHAR));
}

static WCHAR *wide(const char *text)
{
    int units = MultiByteToWideChar(CP_UTF8, 0, text, -1, NULL, 0);
    WCHAR *out = calloc(units ? units : 1, sizeof(WCHAR));
    if (out && units)
        MultiByteToWideChar(CP_UTF8, 0, text, -1, out, units);
    return out;
}

static WORD type_of(const char *text)
{
    static const struct { const char *name; WORD type; } known[] = {
        {"A", 1}, {"CNAME", 5}, {"MX", 15}, {"TXT", 16}, {"AAAA", 28}, {"SRV", 33}, {"HTTPS", 65},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!_stricmp(text, known[i].name))
            return known[i].type;
    return (WORD)atoi(text);
}

static void free_lines(struct line *head)
{
    while (head) {
        struct line *next = head->next;
        free(head->name);
        free(head);
        head = next;
    }
}

/* The file's lines in order; read anew at each call so that a test may change it while the program runs. */
static struct line *read_lines(BOOL *found)
{
    WCHAR path[MAX_PATH];
    char text[MOST_LINE];
    struct line *head = NULL, **tail = &head;
    FILE *file;

    path_of(L"IOCSWEEP_TEST_DNS", L".txt", path);
    file = _wfopen(path, L"rb");
    *found = file != NULL;
    if (!file)
        return NULL;
    while (fgets(text, sizeof text, file)) {
        char *name = strtok(text, " \t\r\n"), *type = strtok(NULL, " \t\r\n"), *value = strtok(NULL, " \t\r\n");
        struct line *line;
        if (!name || name[0] == '#' || !type || !(line = calloc(1, sizeof *line)))
            continue;
        line->name = wide(name);
        line->type = type_of(type);
        if (value)
            strncpy(line->value, value, MOST_LINE - 1);
        *tail = line;
        tail = &line->next;
    }
    fclose(file);
    return head;
}

BOOL WINAPI DnsGetCacheDataTable(struct entry **table)
{
    BOOL found;
    struct line *lines = read_lines(&found);

    *table = NULL;
    for (struct line *line = lines; line; line = line->next) {
        struct line *earlier = lines;
        struct entry *entry;
        while (earlier != line && (earlier->type != line->type || _wcsicmp(earlier->name, line->name)))
            earlier = earlier->next;
        if (earlier != line || !(entry = calloc(1, sizeof *entry)))
            continue;
        entry->name = _wcsdup(line->name);
        entry->type = line->type;
        entry->next = *table;
        *table = entry;
    }
    free_lines(lines);
    return found;
}

static void append_to_log(const char *word, const WCHAR *name, WORD type, DWORD flags)
{
    WCHAR path[MAX_PATH];
    char utf8[MOST_LINE] = "?", text[MOST_LINE + 64];
    DWORD written;
    HANDLE log;

    WideCharToMultiByte(CP_UTF8, 0, name, -1, utf8, sizeof utf8, NULL, NULL);
    snprintf(text, sizeof text, "%s\t%s\t%u\t0x%lx\n", word, utf8, type, flags);
    path_of(L"IOCSWEEP_TEST_DNS_LOG", L".log", path);
    log = CreateFileW(path, FILE_APPEND_DATA, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, OPEN_ALWAYS, 0, NULL);
    if (log == INVALID_HANDLE_VALUE)
        return;
    WriteFile(log, text, (DWORD)strlen(text), &written, NULL);
    CloseHandle(log);
}

static struct record *record_of(const struct line *line)
{
    struct record *record = calloc(1, sizeof *record);
    PCSTR end;

    if (!record)
        return NULL;
    record->name = _wcsdup(line->name);
    record->type = line->type;
    record->ttl = 300;
    if (line->type == TYPE_A) {
        record->length = 4;
        RtlIpv4StringToAddressA(line->value, TRUE, &end, record->data.bytes);
    } else if (line->type == TYPE_AAAA) {
        record->length = 16;
        RtlIpv6StringToAddressA(line->value, &end, record->data.bytes);
    } else if (line->type == TYPE_CNAME) {
        record->length = sizeof record->data.host;
        record->data.host = wide(line->value);
    } else {
        BYTE *data = record->data.bytes;
        unsigned value;
        for (const char *hex = line->value; sscanf(hex, "%2x", &value) == 1; hex += hex[1] ? 2 : 1)
            data[record->length++] = (BYTE)value;
    }
    return record;
}

static LONG answer(const WCHAR *name, WORD type, struct record **head)
{
    BOOL found;
    struct line *lines = read_lines(&found);
    struct record **tail = head;
    LONG status = RECORD_DOES_NOT_EXIST;

    for (int step = 0; name && step < MOST_CHAIN; step++) {
        const WCHAR *alias = NULL;
        for (struct line *line = lines; line; line = line->next) {
            if (_wcsicmp(line->name, name) || (line->type != type && line->type != TYPE_CNAME))
                continue;
            if (!line->value[0]) {
                if (line->type == type && !*head)
                    status = NAME_ERROR;
                continue;
            }
            *tail = record_of(line);
            if (!*tail)
                continue;
            if (line->type == TYPE_CNAME && type != TYPE_CNAME)
                alias = (*tail)->data.host;
            tail = &(*tail)->next;
            status = 0;
        }
        name = alias;
    }
    free_lines(lines);
    return status;
}

LONG WINAPI DnsQuery_W(PCWSTR name, WORD type, DWORD flags, void *extra, struct record **records, void **reserved)
{
    (void)extra, (void)reserved;
    if (records)
        *records = NULL;
    if (!(flags & NO_WIRE_QUERY) || !(flags & NO_HOSTS_FILE)) {
        append_to_log("VIOLATION", name, type, flags);
        return ERROR_INVALID_PARAMETER;
    }
    append_to_log("query", name, type, flags);
    return records ? answer(name, type, records) : ERROR_INVALID_PARAMETER;
}

/* Any other way to ask is a violation too. */
LONG WINAPI DnsQuery_UTF8(PCSTR name, WORD type, DWORD flags, void *extra, struct record **records, void **reserved)
{
    WCHAR *text = wide(name);
    (void)extra, (void)reserved;
    if (records)
        *records = NULL;
    append_to_log("VIOLATION", text ? text : L"?", type, flags);
    free(text);
    return ERROR_INVALID_PARAMETER;
}

LONG WINAPI DnsQuery_A(PCSTR name, WORD type, DWORD flags, void *extra, struct record **records, void **reserved)
{
    return DnsQuery_UTF8(name, type, flags, extra, records, reserved);
}

void WINAPI DnsRecordListFree(struct record *records, int kind)
{
    (void)kind;
    while (records) {
        struct record *next = records->next;
        if (records->type == TYPE_CNAME)
            free(records->data.host);
        free(records->name);
        free(records);
        records = next;
    }
}

void WINAPI DnsFree(void *data, int kind)
{
    if (kind == FREE_RECORD_LIST)
        DnsRecordListFree(data, kind);
    else
        free(data);
}

/* No servers, no suffixes: zeros are the empty form of every answer that iphlpapi asks for. */
LONG WINAPI DnsQueryConfig(int config, DWORD flag, PCWSTR adapter, void *reserved, void *buffer, DWORD *length)
{
    const DWORD needed = 64;
    const DWORD given = *length;

    (void)config, (void)flag, (void)adapter, (void)reserved;
    *length = needed;
    if (!buffer)
        return 0;
    if (given < needed)
        return ERROR_MORE_DATA;
    memset(buffer, 0, needed);
    return 0;
}

BOOL WINAPI DnsNameCompare_W(PCWSTR one, PCWSTR other)
{
    return one && other && !_wcsicmp(one, other);
}
