package ingest

import (
	"encoding/binary"
	"reflect"

	remoteapi "github.com/prometheus/client_golang/exp/api/remote"
	"github.com/prometheus/prometheus/prompb"
	writev2 "github.com/prometheus/prometheus/prompb/io/prometheus/write/v2"
)

// A series without anything in it is two bytes of a request and some two
// hundred in memory, and snappy packs a million of them into almost nothing. So
// what a request takes is added up before it is decoded.

// part is a repeated field of a request: what one element takes in memory, and
// what one byte inside it does.
type part struct {
	size, perByte int
	fields        []*part // by number; those that are not listed take little
}

func sizeOf[T any]() int { return int(reflect.TypeFor[T]().Size()) }

var (
	packed4 = &part{perByte: 4} // numbers of one byte each
	packed8 = &part{perByte: 8}
	text    = &part{size: sizeOf[string](), perByte: 1}

	requestV2 = &part{fields: []*part{
		4: text,
		5: {size: sizeOf[writev2.TimeSeries](), fields: []*part{
			1: packed4,
			2: {size: sizeOf[writev2.Sample]()},
			3: {size: sizeOf[writev2.Histogram](), fields: []*part{
				8: {size: sizeOf[writev2.BucketSpan]()}, 9: packed8, 10: {perByte: 1},
				11: {size: sizeOf[writev2.BucketSpan]()}, 12: packed8, 13: {perByte: 1},
			}},
			4: {size: sizeOf[writev2.Exemplar](), fields: []*part{1: packed4}},
		}},
	}}

	labelV1   = &part{size: sizeOf[prompb.Label](), perByte: 1}
	requestV1 = &part{fields: []*part{
		1: {size: sizeOf[prompb.TimeSeries](), fields: []*part{
			1: labelV1,
			2: {size: sizeOf[prompb.Sample]()},
			3: {size: sizeOf[prompb.Exemplar](), fields: []*part{1: labelV1}},
			4: {size: sizeOf[prompb.Histogram](), fields: []*part{
				8: {size: sizeOf[prompb.BucketSpan]()}, 9: packed8, 10: {perByte: 1},
				11: {size: sizeOf[prompb.BucketSpan]()}, 12: packed8, 13: {perByte: 1},
			}},
		}},
		3: {size: sizeOf[prompb.MetricMetadata](), perByte: 1},
	}}
)

// affordable says whether a request takes at most budget bytes once it is
// decoded. A body that breaks off is left to the decoder, which stops there.
func affordable(msg remoteapi.WriteMessageType, body []byte, budget int) bool {
	request := requestV1
	if msg == remoteapi.WriteV2MessageType {
		request = requestV2
	}
	return request.spend(body, &budget)
}

func (p *part) spend(b []byte, budget *int) bool {
	for len(b) > 0 {
		tag, n := binary.Uvarint(b)
		if n <= 0 {
			return true
		}
		b = b[n:]
		var skip int
		switch tag & 7 {
		case 0:
			_, skip = binary.Uvarint(b)
		case 1:
			skip = 8
		case 2:
			length, n := binary.Uvarint(b)
			if n <= 0 || length > uint64(len(b)-n) {
				return true
			}
			inside := b[n : n+int(length)]
			skip = n + int(length)
			number := int32(tag >> 3) //nolint:gosec // the decoder cuts it off just so
			if number < 0 || int(number) >= len(p.fields) || p.fields[number] == nil {
				break
			}
			field := p.fields[number]
			if *budget -= field.size + field.perByte*len(inside); *budget < 0 || field.fields != nil && !field.spend(inside, budget) {
				return false
			}
		case 5:
			skip = 4
		default:
			return false // a group, which no version of remote write has
		}
		if skip <= 0 || skip > len(b) {
			return true
		}
		b = b[skip:]
	}
	return true
}
