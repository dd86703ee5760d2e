/*
 * administration_alter.c: alter_vector_index(): changes one option of an index, as ALTER INDEX … SET would with the whole text.
 *
 * The text that the index has is read, its entries are written anew, a line each, with the new one in the place of those that it
 * replaces, and PostgreSQL runs that command. Short forms (m, lists …) become entries of the text.
 * Nothing is built here: whoever works on the index next sees that its segments are not what the options ask for, and builds
 * others behind the running queries. So a rollback costs nothing.
 */
#include "administration.h"

#include <ctype.h>

#include "access/genam.h"
#include "access/reloptions.h"
#include "access/table.h"
#include "commands/defrem.h"
#include "errors.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "options.h"
#include "tcop/dest.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "vectors/toml.h"

/* One line of the text. */
typedef struct VecpgEntry {
    char *path;
    char *value;
    bool is_table;
} VecpgEntry;

PG_FUNCTION_INFO_V1(vectors_alter_vector_index);

static bool
has_prefix(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* The path with `from` at its start, if it is there as a whole part, replaced by `to`. */
static char *
replace_start(char *path, const char *from, const char *to)
{
    size_t length = strlen(from);

    if (!has_prefix(path, from) || (path[length] != '.' && path[length] != '\0'))
        return path;
    return psprintf("%s%s", to, path + length);
}

/* indexing.X.build_threads: the first generation had the threads with the algorithm. */
static bool
is_threads_of_algorithm(const char *path)
{
    const char *name = strrchr(path, '.');

    return (has_prefix(path, "indexing.") || has_prefix(path, "algorithm.")) && name != strchr(path, '.') &&
           strcmp(name, ".build_threads") == 0;
}

/* Older spellings are made those of today, so that a new value takes the place of what it means. */
static char *
path_of_today(const char *given)
{
    char *path = pstrdup(given);
    size_t length;

    path = replace_start(path, "algorithm", "indexing");
    path = replace_start(path, "indexing.vamana", "indexing.hnsw");
    path = replace_start(path, "indexing.sparse_inverted_index", "indexing.inverted_index");
    path = replace_start(path, "optimizing.build_threads", "optimizing.optimizing_threads");
    length = strlen(path);
    if (length > 3 && strcmp(path + length - 3, ".ef") == 0)
        path = psprintf("%s_construction", path);
    if (is_threads_of_algorithm(path))
        path = pstrdup("optimizing.optimizing_threads");
    return path;
}

static VecpgEntry *
entry_make(char *path, char *value, bool is_table)
{
    VecpgEntry *entry = palloc(sizeof(VecpgEntry));

    entry->path = path;
    entry->value = value;
    entry->is_table = is_table;
    return entry;
}

static char *
quote(const char *string)
{
    StringInfoData quoted;

    initStringInfo(&quoted);
    appendStringInfoChar(&quoted, '"');
    for (; *string != '\0'; string++) {
        if (*string == '"' || *string == '\\')
            appendStringInfoChar(&quoted, '\\');
        if ((unsigned char)*string < ' ' || *string == '\177')
            appendStringInfo(&quoted, "\\u%04x", (unsigned char)*string);
        else
            appendStringInfoChar(&quoted, *string);
    }
    appendStringInfoChar(&quoted, '"');
    return quoted.data;
}

static char *
event_value(const VecTomlEvent *event)
{
    switch (event->kind) {
        case VEC_TOML_INTEGER:
            return psprintf(INT64_FORMAT, (int64)event->integer);
        case VEC_TOML_FLOAT: {
            char *number = psprintf("%.17g", event->number);

            return strpbrk(number, ".ein") != NULL ? number : psprintf("%s.0", number);
        }
        case VEC_TOML_BOOLEAN:
            return pstrdup(event->boolean ? "true" : "false");
        case VEC_TOML_STRING:
            return quote(event->string);
        default:
            return pstrdup("{}");
    }
}

/* The first count parts of a path; NULL if it has fewer. */
static char *
first_parts(const char *path, int count)
{
    const char *end = path;

    for (; count > 0; count--) {
        if (*end == '\0')
            return NULL;
        if (end != path)
            end++;
        end += strcspn(end, ".");
    }
    return pnstrdup(path, end - path);
}

/* The algorithm that a path names, unless another entry names it: for where the path is to have another spelling, which does not. */
static List *
keep_algorithm(List *entries, const char *path)
{
    char *algorithm = path_of_today(first_parts(path, 2));
    char *below = psprintf("%s.", algorithm);
    ListCell *cell;

    foreach (cell, entries) {
        const VecpgEntry *entry = lfirst(cell);

        if (strcmp(entry->path, algorithm) == 0 || has_prefix(entry->path, below))
            return entries;
    }
    return lappend(entries, entry_make(algorithm, "{}", true));
}

/* The entries of a text that was accepted when it was stored; an error if it is not now, for what is not read is not written again. */
static List *
read_text(const char *text)
{
    VecTomlReader *reader = palloc(sizeof(VecTomlReader));
    List *entries = NIL;
    VecTomlEvent event;
    VecError error;
    VecStatus status;
    char path[1024];
    char *copy = vecpg_options_toml_text(text);

    vec_toml_begin(reader, copy, strlen(copy));
    while ((status = vec_toml_next(reader, &event, &error)) == VEC_OK && event.kind != VEC_TOML_END) {
        char *today;

        vec_toml_path(&event, path, sizeof(path));
        today = path_of_today(path);
        if (is_threads_of_algorithm(path))
            entries = keep_algorithm(entries, path);
        entries = lappend(entries, entry_make(today, event_value(&event), event.kind == VEC_TOML_TABLE));
    }
    if (status != VEC_OK)
        vecpg_errors_report(ERROR, status, &error);
    pfree(reader);
    return entries;
}

static List *
remove_under(List *entries, const char *path)
{
    char *below = psprintf("%s.", path);
    ListCell *cell;

    foreach (cell, entries) {
        const VecpgEntry *entry = lfirst(cell);

        if (strcmp(entry->path, path) == 0 || has_prefix(entry->path, below))
            entries = foreach_delete_current(entries, cell);
    }
    return entries;
}

/* Of the tables beside the one of that many parts that the path names, one alone may be there. */
static List *
remove_beside(List *entries, const char *path, int parts)
{
    char *chosen = first_parts(path, parts);
    char *above = first_parts(path, parts - 1);
    ListCell *cell;

    if (chosen == NULL)
        return entries;
    above = psprintf("%s.", above);
    foreach (cell, entries) {
        const VecpgEntry *entry = lfirst(cell);
        char *theirs = first_parts(entry->path, parts);

        if (has_prefix(entry->path, above) && strcmp(theirs, chosen) != 0)
            entries = foreach_delete_current(entries, cell);
    }
    return entries;
}

/* Another algorithm keeps the quantization. */
static void
take_quantization_along(List *entries, const char *algorithm)
{
    ListCell *cell;

    if (strcmp(algorithm, "indexing.inverted_index") == 0)
        return;
    foreach (cell, entries) {
        VecpgEntry *entry = lfirst(cell);
        const char *rest = strstr(entry->path, ".quantization");

        if (has_prefix(entry->path, "indexing.") && rest != NULL)
            entry->path = psprintf("%s%s", algorithm, rest);
    }
}

static List *
set_entry(List *entries, char *path, char *value)
{
    char *algorithm = has_prefix(path, "indexing.") ? first_parts(path, 2) : NULL;

    entries = remove_under(entries, path);
    if (algorithm != NULL) {
        take_quantization_along(entries, algorithm);
        entries = remove_beside(entries, path, 2);
        if (has_prefix(path + strlen(algorithm), ".quantization."))
            entries = remove_beside(entries, path, 4);
        if (strcmp(path, algorithm) != 0)
            entries = remove_under(entries, path); /* it may have come along */
    }
    return lappend(entries, entry_make(path, value, strcmp(value, "{}") == 0));
}

/* "scalar4": the name of a quantization and its bits. */
static List *
set_quantization(List *entries, const char *algorithm, const char *text)
{
    size_t length = strlen(text);
    bool has_bits = length > 0 && isdigit((unsigned char)text[length - 1]);
    char *name = pnstrdup(text, has_bits ? length - 1 : length);
    char *path = psprintf("indexing.%s.quantization.%s", algorithm, name);

    entries = remove_under(entries, psprintf("indexing.%s.quantization", algorithm));
    return has_bits ? set_entry(entries, psprintf("%s.bits", path), pstrdup(text + length - 1))
                    : set_entry(entries, path, pstrdup("{}"));
}

/* The same for the other short forms; a long key is set as it is. */
static List *
set_option(List *entries, const char *algorithm, const char *key, char *value)
{
    if (strcmp(key, "quantization") == 0)
        return set_quantization(entries, algorithm, value);
    if (strcmp(key, "m") == 0 || strcmp(key, "ef_construction") == 0)
        return set_entry(entries, psprintf("indexing.hnsw.%s", key), value);
    if (strcmp(key, "lists") == 0)
        return set_entry(entries, pstrdup("indexing.ivf.nlist"), value);
    return set_entry(entries, path_of_today(key), value);
}

/* A line each; a table that others lie in is theirs to make. */
static char *
write_text(List *entries)
{
    StringInfoData text;
    ListCell *cell;

    initStringInfo(&text);
    foreach (cell, entries) {
        const VecpgEntry *entry = lfirst(cell);
        char *below = psprintf("%s.", entry->path);
        bool has_children = false;
        ListCell *other;

        foreach (other, entries)
            has_children = has_children || has_prefix(((VecpgEntry *)lfirst(other))->path, below);
        if (!entry->is_table || !has_children)
            appendStringInfo(&text, "%s = %s\n", entry->path, entry->value);
    }
    return text.data;
}

/* The storage parameters of the index, as they were given: DefElem. */
static List *
stored_options(Relation index)
{
    HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(RelationGetRelid(index)));
    bool is_null;
    Datum options;
    List *list;

    if (!HeapTupleIsValid(tuple))
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
                        errmsg("index \"%s\" does not exist", RelationGetRelationName(index))));
    options = SysCacheGetAttr(RELOID, tuple, Anum_pg_class_reloptions, &is_null);
    list = is_null ? NIL : untransformRelOptions(options);
    ReleaseSysCache(tuple);
    return list;
}

/* The characters of all keys there are. What else TOML takes for one, as quotes and blanks, would be compared with what is stored in vain. */
#define KEY_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-."

/* Only an entry may come of a key and a value: no line more, and no comment that hides what is behind it. */
static void
check_entry(const char *key, const char *value)
{
    VecIndexOptions ignored;

    if (key[0] == '\0' || key[strspn(key, KEY_CHARACTERS)] != '\0' || strpbrk(value, "\n\r#") != NULL)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("\"%s\" cannot be set to \"%s\"", key, value),
                        errdetail("A key like indexing.hnsw.m and one value on one line are wanted.")));
    if (strcmp(key, "quantization") == 0)
        (void)vecpg_options_read_quantization(value, true, &ignored);
}

/* An error for an algorithm that the column cannot have: a dump of the index could not be restored. */
static void
check_algorithm(Relation index, const char *text)
{
    VecIndexOptionsGiven given = {0};
    VecIndexOptions options;
    const char *why;

    vecpg_options_defaults(&options);
    vecpg_options_toml_read(text, false, &options, &given);
    why = vecpg_options_unsuitable(index, &options);
    if (why != NULL)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s", why)));
}

/* What a user writes for a value: words that TOML would not take for a value are meant as strings. */
static char *
read_value(const char *given)
{
    char *value = pstrdup(given);
    size_t length;

    while (isspace((unsigned char)*value))
        value++;
    length = strlen(value);
    while (length > 0 && isspace((unsigned char)value[length - 1]))
        value[--length] = '\0';
    if (*value == '{' && value[1 + strspn(value + 1, " \t")] == '}')
        return pstrdup("{}");
    if (!isalpha((unsigned char)*value) || strcmp(value, "true") == 0 || strcmp(value, "false") == 0)
        return value;
    return quote(value);
}

/* Each becomes a part of the command: short forms are taken back first, so that nothing is given twice at any moment. */
static List *
make_parts(List *stored, char *text)
{
    List *reset = NIL;
    List *parts = NIL;
    AlterTableCmd *part;
    ListCell *cell;

    foreach (cell, stored) {
        const DefElem *option = lfirst(cell);

        if (strcmp(option->defname, "options") != 0)
            reset = lappend(reset, makeDefElem(option->defname, NULL, -1));
    }
    if (reset != NIL) {
        part = makeNode(AlterTableCmd);
        part->subtype = AT_ResetRelOptions;
        part->def = (Node *)reset;
        parts = lappend(parts, part);
    }
    part = makeNode(AlterTableCmd);
    part->subtype = AT_SetRelOptions;
    part->def = (Node *)list_make1(makeDefElem("options", (Node *)makeString(text), -1));
    return lappend(parts, part);
}

/*
 * As if the user had written it: so it is refused in a read-only transaction, hooks are asked, and event triggers see it. The parts alone,
 * given to AlterTableInternal, crash PostgreSQL inside of a command such as CREATE TABLE AS where there is an event trigger.
 */
static void
run_command(AlterTableStmt *command)
{
    PlannedStmt *statement = makeNode(PlannedStmt);

    statement->commandType = CMD_UTILITY;
    statement->utilityStmt = (Node *)command;
    statement->stmt_location = -1;
    ProcessUtility(statement, "alter_vector_index()", false, PROCESS_UTILITY_QUERY, NULL, NULL, None_Receiver,
                   NULL);
}

Datum
vectors_alter_vector_index(PG_FUNCTION_ARGS)
{
    Oid index_oid = PG_GETARG_OID(0);
    char *key = text_to_cstring(PG_GETARG_TEXT_PP(1));
    char *value = text_to_cstring(PG_GETARG_TEXT_PP(2));
    List *entries = NIL;
    VecIndexOptions options;
    const char *algorithm;
    Relation heap;
    Relation index;
    AlterTableStmt *command = makeNode(AlterTableStmt);
    List *stored;
    char *text;
    ListCell *cell;

    PreventCommandIfReadOnly("alter_vector_index()");
    check_entry(key, value);
    index = vecpg_administration_open(index_oid, &heap, AccessShareLock, ShareUpdateExclusiveLock);
    vecpg_options_read(index, &options);
    algorithm = vecpg_options_algorithm_names[options.algorithm];
    stored = stored_options(index);
    foreach (cell, stored)
        if (strcmp(((DefElem *)lfirst(cell))->defname, "options") == 0)
            entries = list_concat(read_text(defGetString(lfirst(cell))), entries);
    foreach (cell, stored)
        if (strcmp(((DefElem *)lfirst(cell))->defname, "options") != 0)
            entries = set_option(entries, algorithm, ((DefElem *)lfirst(cell))->defname,
                                 defGetString(lfirst(cell)));
    entries =
        set_option(entries, algorithm, key, strcmp(key, "quantization") == 0 ? value : read_value(value));
    command->relation = makeRangeVar(get_namespace_name(RelationGetNamespace(index)),
                                     pstrdup(RelationGetRelationName(index)), -1);
    text = write_text(entries);
    check_algorithm(index, text);
    command->cmds = make_parts(stored, text);
    command->objtype = OBJECT_INDEX;
    index_close(index, NoLock); /* its lock keeps the name, too */
    table_close(heap, NoLock);
    run_command(command);
    PG_RETURN_VOID();
}
