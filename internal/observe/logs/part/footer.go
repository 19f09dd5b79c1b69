package part

import (
	"encoding/binary"
	"fmt"

	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

const parquetMagic = "PAR1"

// footer writes Parquet's metadata, its length and the mark: the end of a file.
func footer(s *section) ([]byte, error) {
	meta := format.FileMetaData{
		Version: 1, NumRows: s.meta.Lines, CreatedBy: "vigie",
		Schema: []format.SchemaElement{{Name: "lines", NumChildren: thrift.New(int32(len(s.columns)))}}, //nolint:gosec // MaxColumns
	}
	for _, kv := range [][2]string{
		{"vigie.version", fmt.Sprint(version)}, {"vigie.owner", s.meta.Owner.String()}, {"vigie.class", s.meta.Class}, {"vigie.day", s.meta.Day},
		{"vigie.lines", fmt.Sprint(s.meta.Lines)},
		{"vigie.time.min", fmt.Sprint(s.meta.MinTime)}, {"vigie.time.max", fmt.Sprint(s.meta.MaxTime)},
		{"vigie.seq.min", fmt.Sprint(s.meta.MinSeq)}, {"vigie.seq.max", fmt.Sprint(s.meta.MaxSeq)},
	} {
		meta.KeyValueMetadata = append(meta.KeyValueMetadata, format.KeyValue{Key: kv[0], Value: kv[1]})
	}
	for _, c := range s.columns {
		meta.Schema = append(meta.Schema, c.element())
		meta.ColumnOrders = append(meta.ColumnOrders, format.ColumnOrder{Value: new(format.TypeDefinedOrder)})
	}
	for i, g := range s.groups {
		meta.RowGroups = append(meta.RowGroups, g.parquet(s.columns, i))
	}
	b, err := thrift.Marshal(new(thrift.CompactProtocol), &meta)
	if err != nil {
		return nil, err
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(len(b))) //nolint:gosec // a footer
	return append(b, parquetMagic...), nil
}

func (f columnInfo) physical() format.Type {
	switch f.kind {
	case kindInt, kindTime:
		return format.Int64
	case kindFloat:
		return format.Double
	case kindBool:
		return format.Boolean
	}
	return format.ByteArray
}

func (f columnInfo) element() format.SchemaElement {
	e := format.SchemaElement{Name: f.name, Type: thrift.New(f.physical()), RepetitionType: thrift.New(format.Optional)}
	if f.required {
		e.RepetitionType = thrift.New(format.Required)
	}
	switch f.kind {
	case kindText, kindJSON:
		e.LogicalType.Value = new(format.StringType)
		e.ConvertedType = thrift.New(deprecated.UTF8)
	case kindTime:
		e.LogicalType.Value = &format.TimestampType{IsAdjustedToUTC: true, Unit: format.TimeUnit{Value: new(format.NanoSeconds)}}
	}
	return e
}

func (g *groupInfo) parquet(columns []columnInfo, ordinal int) format.RowGroup {
	out := format.RowGroup{NumRows: int64(g.rows), Ordinal: int16(ordinal), FileOffset: g.chunks[0].at} //nolint:gosec // maxGroups
	for i := range g.chunks {
		c := &g.chunks[i]
		m := format.ColumnMetaData{
			Type: columns[i].physical(), Codec: format.Zstd, PathInSchema: []string{columns[i].name},
			Encoding:  []format.Encoding{format.RLE, c.enc.parquet()},
			NumValues: int64(g.rows), TotalUncompressedSize: c.rawSize(), TotalCompressedSize: c.size(),
			DataPageOffset: c.at + int64(c.dict.size),
		}
		if c.enc == encDict {
			m.DictionaryPageOffset = c.at
			m.Encoding = append(m.Encoding, format.Plain)
		}
		m.Statistics.NullCount = int64(g.rows - c.values)
		if c.bounded {
			m.Statistics.MinValue = binary.LittleEndian.AppendUint64(nil, uint64(c.least)) //nolint:gosec // bits
			m.Statistics.MaxValue = binary.LittleEndian.AppendUint64(nil, uint64(c.most))  //nolint:gosec // bits
		}
		out.TotalByteSize += m.TotalUncompressedSize
		out.TotalCompressedSize += m.TotalCompressedSize
		out.Columns = append(out.Columns, format.ColumnChunk{MetaData: m})
	}
	return out
}
