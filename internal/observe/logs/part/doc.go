// Package part keeps log lines in immutable Parquet files: one file holds lines
// of one owner, one class and one day, sorted by service and time.
//
// A file is what the Parquet format says, so that any tool reads it, with a
// section of our own between the pages and the footer, where no reader looks:
//
//	PAR1
//	pages       row groups of at most 40,960 lines, each with its columns
//	filters     a bloom filter of words and values for each row group
//	section     what is in the file and where; sums of the 8 KiB blocks before it
//	            and of the footer; its length, its own sum, a mark
//	footer      Parquet's metadata, its length, PAR1
//
// Reading goes by the section alone and believes no byte of which the sum is
// wrong, so that damage anywhere is an error and nothing else. Verify looks at
// the footer, too.
//
// The columns @timestamp, event.ingested, _seq, vigie.owner, vigie.class,
// _index, _id and message are always there, a field of lines has a column of its
// own name and of the type that most of its values have, and the fields beyond
// MaxColumns share the column _rest, as JSON. Of what a column cannot hold as it
// is — a text among numbers, more than one value, bytes that are no UTF-8 — the
// column _exact has the encoded truth, which takes the place of all else that the
// line says of that field. Other tools need not look at it: text columns show
// such a value as text, other columns show none.
package part
