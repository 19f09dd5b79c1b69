package opsrepo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/vigie-ops/vigie/internal/lib/secret"
)

// SchemaProvider is a type that reads itself and says how: a JSON Schema.
type SchemaProvider interface{ JSONSchema() map[string]any }

// Schema returns a JSON Schema (2020-12) of a repository's files, made from
// the same tags that Load checks, for editors to complete and underline.
func Schema(sections []Section) []byte {
	defs := map[string]any{}
	properties := map[string]any{
		keyVersion: map[string]any{
			"const": Version, "description": "Version of the format; stands in " + rootFile + " at the root.",
		},
		keyRetired: withDoc(schemaOf(reflect.TypeFor[[]retirement](), rules{}, defs),
			"Slugs of entries that are gone; none of them may be used again."),
	}
	for _, d := range descriptors(sections) {
		switch d.shape {
		case shapeList:
			list := schemaOf(reflect.SliceOf(d.entry), rules{}, defs)
			list["type"] = []string{"array", "null"}
			properties[d.name] = withDoc(list, d.doc)
		case shapeSingle:
			properties[d.name] = withDoc(schemaOf(d.entry, rules{}, defs), d.doc)
		}
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	// Maps of strings, numbers and lists always encode.
	if err := enc.Encode(map[string]any{
		"$schema":              "https://json-schema.org/draft/2020-12/schema",
		"title":                "Vigie operations repository",
		"type":                 []string{"object", "null"},
		"properties":           properties,
		"additionalProperties": false,
		"$defs":                defs,
	}); err != nil {
		panic(fmt.Sprintf("opsrepo: encode the schema: %v", err))
	}
	return out.Bytes()
}

// withDoc adds a description; a reference to a shared type may carry one.
func withDoc(schema map[string]any, doc string) map[string]any {
	if doc != "" {
		schema["description"] = doc
	}
	return schema
}

var (
	unmarshalerType    = reflect.TypeFor[yaml.Unmarshaler]()
	schemaProviderType = reflect.TypeFor[SchemaProvider]()
)

// schemaOf describes a type; structs go to defs, so that a type that holds
// itself ends.
func schemaOf(t reflect.Type, r rules, defs map[string]any) map[string]any {
	t = base(t)
	switch {
	case t == reflect.TypeFor[secret.Ref]():
		return secretSchema()
	case reflect.PointerTo(t).Implements(schemaProviderType):
		return maps.Clone(reflect.New(t).Interface().(SchemaProvider).JSONSchema())
	case t == nodeType, reflect.PointerTo(t).Implements(unmarshalerType):
		return map[string]any{}
	case t == durationType:
		return map[string]any{"type": []string{"string", "integer"}, "pattern": `^(0|([0-9]+(w|d|h|ms|m|s))+)$`}
	}
	switch t.Kind() {
	case reflect.Struct:
		return map[string]any{"$ref": "#/$defs/" + define(t, defs)}
	case reflect.Slice:
		s := map[string]any{"type": "array", "items": schemaOf(t.Elem(), r.element(isNumber(t.Elem())), defs)}
		if !isNumber(t.Elem()) {
			putBound(s, "minItems", r.min)
			putBound(s, "maxItems", r.max)
		}
		return s
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": schemaOf(t.Elem(), r.element(isNumber(t.Elem())), defs)}
	case reflect.String:
		return textSchema(t, r)
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Interface:
		return map[string]any{}
	}
	s := map[string]any{"type": "integer"}
	if t.Kind() == reflect.Float32 || t.Kind() == reflect.Float64 {
		s["type"] = "number"
	}
	putBound(s, "minimum", r.min)
	putBound(s, "maximum", r.max)
	return s
}

func textSchema(t reflect.Type, r rules) map[string]any {
	s := map[string]any{"type": "string"}
	if reflect.PointerTo(t).Implements(texterType) {
		s["type"] = []string{"string", "number"}
	}
	switch {
	case r.enum != nil:
		s["enum"] = r.enum
	case r.slug || r.refs != nil:
		s["pattern"] = slugForm.String()
	case r.format == "email":
		s["format"] = "email"
	case r.format == "url":
		s["format"] = "uri"
	case r.required:
		s["minLength"] = 1
	}
	putBound(s, "minLength", r.min)
	putBound(s, "maxLength", r.max)
	return s
}

func putBound(s map[string]any, key, text string) {
	if x, err := strconv.ParseFloat(text, 64); err == nil {
		s[key] = x
	}
}

func secretSchema() map[string]any {
	source := func(key string, value map[string]any) map[string]any {
		return map[string]any{
			"type": "object", "properties": map[string]any{key: value},
			"required": []string{key}, "additionalProperties": false,
		}
	}
	text := map[string]any{"type": "string", "minLength": 1}
	return map[string]any{"oneOf": []any{
		source("file", text), source("env", text),
		source("command", map[string]any{"type": "array", "items": text, "minItems": 1}),
	}}
}

// define puts a struct into defs and returns its name there.
func define(t reflect.Type, defs map[string]any) string {
	name := strings.ReplaceAll(t.String(), "*", "")
	if _, done := defs[name]; done {
		return name
	}
	schema := map[string]any{"type": "object", "additionalProperties": false}
	defs[name] = schema
	properties := map[string]any{}
	l := layoutOf(t)
	for _, f := range l.fields {
		p := withDoc(schemaOf(f.typ, f.rules, defs), f.rules.doc)
		if f.rules.hasDef {
			p["default"] = defaultOf(f)
		}
		if !f.rules.required {
			p = nullable(p)
		}
		properties[f.name] = p
	}
	schema["properties"] = properties
	if required := requiredOf(l); len(required) > 0 {
		slices.Sort(required)
		schema["required"] = required
	}
	return name
}

// nullable lets an optional key stand without a value, as Load does.
func nullable(p map[string]any) map[string]any {
	switch t := p["type"].(type) {
	case string:
		p["type"] = []string{t, "null"}
	case []string:
		p["type"] = append(slices.Clone(t), "null")
	}
	if enum, ok := p["enum"].([]string); ok {
		values := make([]any, 0, len(enum)+1)
		for _, e := range enum {
			values = append(values, e)
		}
		p["enum"] = append(values, nil)
	}
	return p
}

// defaultOf returns the value that an absent key gets.
func defaultOf(f field) any {
	v := reflect.New(base(f.typ)).Elem()
	if v.Type() == durationType {
		return f.rules.def
	}
	setDefault(v, f.rules)
	return v.Interface()
}
