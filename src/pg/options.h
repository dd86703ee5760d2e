/*
 * options.h: the storage parameters of a `vectors` index: a TOML text (`options`) and a few plain short forms.
 *
 *   WITH (options = $$ indexing.hnsw.m = 32 $$)     or the short form     WITH (m = 32)
 *
 * They are checked once, when the index is created or altered; what the relation cache keeps is the finished
 * VecIndexOptions. All are defined, with range and default, in the table of options_toml.c.
 */
#ifndef VECPG_OPTIONS_H
#define VECPG_OPTIONS_H

#include "postgres.h"

#include "utils/rel.h"

#include "vectors/segment.h"

typedef enum VecIndexAlgorithm {
    VEC_INDEX_HNSW,
    VEC_INDEX_IVF,
    VEC_INDEX_FLAT,
    VEC_INDEX_INVERTED /* for svector under the dot product */
} VecIndexAlgorithm;

typedef enum VecIndexQuantization {
    VEC_INDEX_TRIVIAL, /* codes of full precision */
    VEC_INDEX_SCALAR,
    VEC_INDEX_PRODUCT,
    VEC_INDEX_RABITQ,
    VEC_INDEX_BINARY
} VecIndexQuantization;

/* Sizes are rows, times are seconds. */
typedef struct VecIndexOptions {
    uint32 max_growing_segment_size;
    uint32 max_sealed_segment_size;
    uint32 sealing_secs;
    uint32 sealing_size;
    uint32 optimizing_secs;
    uint32 optimizing_threads;
    double delete_threshold; /* share of dead rows from which a segment is built anew */
    VecIndexAlgorithm algorithm;
    uint32 m;               /* HNSW, as in the paper */
    uint32 ef_construction; /* HNSW, as in the paper */
    uint32 nlist;           /* IVF */
    uint32 nprobe;          /* IVF: the index's own default for vectors.ivf_nprobe; 0: has none */
    bool spherical_centroids;
    bool residual_quantization; /* IVF */
    VecIndexQuantization quantization;
    uint32
        quantization_bits; /* a dimension; product: a subvector; 0: what does best at the column's dimensions */
    uint32 product_ratio; /* product: dimensions of a subvector */
} VecIndexOptions;

/* What a text names: kept while it is read, to find what is given twice. */
typedef struct VecIndexOptionsGiven {
    bool algorithm;
    bool quantization;
    uint64 fields; /* bit: row of the table that owns the field */
} VecIndexOptionsGiven;

/* options.c */

/* Registers the storage parameters; once a process, by _PG_init. */
extern void vecpg_options_init(void);

/*
 * The access method's amoptions. With validate (CREATE and ALTER) anything wrong is an error and what has no effect a
 * NOTICE; without it (the relation cache) it is passed over in silence.
 */
extern bytea *vecpg_options_parse(Datum reloptions, bool validate);

/* What was asked for; the defaults where nothing was given. Reads only the relation cache. */
extern void vecpg_options_read(Relation index, VecIndexOptions *out);

/* Why the algorithm does not suit the index's column, which ALTER INDEX cannot know: then hnsw is in force. NULL: it does. */
extern const char *vecpg_options_unsuitable(Relation index, const VecIndexOptions *options);

/* Reads the short form's text, such as scalar4. With validate 22023 for what is none, else false. */
extern bool vecpg_options_read_quantization(const char *text, bool validate, VecIndexOptions *options);

/* Sets what the options decide of a segment whose element type, metric and dimensions are set. */
extern void vecpg_options_segment(const VecIndexOptions *options, VecSegmentOptions *segment);

/* A number that differs when what determines a segment's contents does: not sizes, times or threads. */
extern uint64 vecpg_options_hash(const VecIndexOptions *options);

/* The complete options as JSON, palloc'ed. */
extern char *vecpg_options_to_json(const VecIndexOptions *options);

/* Those in force, with what the index's column decides, palloc'ed. *unsuitable: why they are not what was asked for, or NULL. */
extern char *vecpg_options_describe(Relation index, const char **unsuitable);

/* options_toml.c */

extern const char *const vecpg_options_algorithm_names[4];
extern const char *const vecpg_options_quantization_names[5];

extern void vecpg_options_defaults(VecIndexOptions *out);

/* Selects a quantization and the defaults of its parameters. */
extern void vecpg_options_set_quantization(VecIndexOptions *options, VecIndexQuantization quantization);

/*
 * The text as vectors/toml.h wants it, palloc'ed. Whatever is not ASCII is comment or nonsense; in a database of another encoding it
 * need not be UTF-8, and question marks stand for it.
 */
extern char *vecpg_options_toml_text(const char *text);

/* Reads a text into *options, which holds the defaults. Without validate, what is wrong in it is passed over. */
extern void vecpg_options_toml_read(const char *text, bool validate, VecIndexOptions *options,
                                    VecIndexOptionsGiven *given);

/* Whether a field (its offset in VecIndexOptions) was named in the text. */
extern bool vecpg_options_toml_gave(const VecIndexOptionsGiven *given, size_t field_offset);

/* The ranges that the short forms share with the text. */
#define VECPG_OPTIONS_M_MIN               4
#define VECPG_OPTIONS_M_MAX               128
#define VECPG_OPTIONS_EF_CONSTRUCTION_MIN 10
#define VECPG_OPTIONS_EF_CONSTRUCTION_MAX 2000
#define VECPG_OPTIONS_NLIST_MIN           1
#define VECPG_OPTIONS_NLIST_MAX           1000000

#endif
