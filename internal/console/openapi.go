package console

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3gen"

	"github.com/vigie-ops/vigie/internal/people"
)

// APIPrefix begins the path of every interface that the description names and
// that stays as it is until the next version.
const APIPrefix = "/api/vigie/v1"

// Doc describes an interface for programs. The description of all of them is
// made of the types that they read and write, so that it says what is true.
type Doc struct {
	Summary string // what it does, in a few words
	Query   []Param
	Body    any    // a value of what is sent as JSON; nil for nothing
	Answer  any    // a value of what is answered as JSON; nil: see Content
	Status  int    // of success; 200 if zero
	Content string // types of an answer that is no JSON, with a comma between; empty with Answer nil is an answer without a body
}

// Param is a parameter of a query.
type Param struct {
	Name string
	Text string   // what it does; empty where the name says it
	Of   []string // the words it may be; nil: any
	Kind string   // string if empty, else integer or boolean
	Many bool     // it may be there several times
}

// Paged adds the parameters of a list that comes in pages.
func Paged(more ...Param) []Param {
	return append(more,
		Param{Name: "cursor", Text: "next of the page before"},
		Param{Name: "limit", Text: fmt.Sprintf("how many, %d unless said", defaultLimit), Kind: openapi3.TypeInteger})
}

// Flag is a parameter that is true or false.
func Flag(name, text string) Param {
	return Param{Name: name, Text: text, Of: []string{"true", "false"}}
}

// One is a parameter that is one of some words.
func One(name, text string, words ...string) Param { return Param{Name: name, Text: text, Of: words} }

// Any is a parameter that is any text.
func Any(name, text string) Param { return Param{Name: name, Text: text} }

// about is what the description says of all of it.
const about = "Everything that the console shows and does. Lists are objects with items and next, the cursor of the following page or null. " +
	"Errors are problem details (RFC 9457). A token goes into the header Authorization: Bearer TOKEN."

// openAPI describes the registered interfaces.
func (c *Console) openAPI(version string) (*openapi3.T, error) {
	doc := &openapi3.T{
		OpenAPI: "3.0.3",
		Info:    &openapi3.Info{Title: "Vigie", Version: version, Description: about},
		Paths:   openapi3.NewPaths(),
		Components: &openapi3.Components{
			Schemas: openapi3.Schemas{"Problem": openapi3.NewSchemaRef("", problemSchema())},
			SecuritySchemes: openapi3.SecuritySchemes{
				"token": &openapi3.SecuritySchemeRef{Value: openapi3.NewSecurityScheme().WithType("http").WithScheme("bearer")},
			},
		},
		Security: openapi3.SecurityRequirements{openapi3.SecurityRequirement{"token": []string{}}},
	}
	for _, r := range c.routes {
		method, path, _ := strings.Cut(r.Pattern, " ")
		if !strings.HasPrefix(path, APIPrefix+"/") {
			continue
		}
		op, err := operation(method, path, r)
		if err != nil {
			return nil, fmt.Errorf("describe %s: %w", r.Pattern, err)
		}
		item := doc.Paths.Value(path)
		if item == nil {
			item = &openapi3.PathItem{}
			doc.Paths.Set(path, item)
		}
		item.SetOperation(method, op)
	}
	return doc, nil
}

func problemSchema() *openapi3.Schema {
	text := openapi3.NewStringSchema()
	return openapi3.NewObjectSchema().WithProperty("type", text).WithProperty("title", text).
		WithProperty("status", openapi3.NewIntegerSchema()).WithProperty("detail", text).WithRequired([]string{"title", "status"})
}

func operation(method, path string, r Route) (*openapi3.Operation, error) {
	op := openapi3.NewOperation()
	op.OperationID = operationID(method, path)
	op.Summary = r.Doc.Summary
	op.Description = "Needs the role " + string(r.Role) + "."
	first, _, _ := strings.Cut(strings.TrimPrefix(path, APIPrefix+"/"), "/")
	op.Tags = []string{first}
	for part := range strings.SplitSeq(path, "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			p := openapi3.NewPathParameter(strings.TrimSuffix(name, "}"))
			p.Schema = openapi3.NewSchemaRef("", openapi3.NewStringSchema())
			op.AddParameter(p)
		}
	}
	for _, q := range r.Doc.Query {
		op.AddParameter(q.parameter())
	}
	if r.Doc.Body != nil {
		schema, err := schemaOf(r.Doc.Body, false)
		if err != nil {
			return nil, err
		}
		op.RequestBody = &openapi3.RequestBodyRef{Value: openapi3.NewRequestBody().WithRequired(true).WithJSONSchemaRef(schema)}
	}
	answer := openapi3.NewResponse().WithDescription("It is done.")
	switch {
	case r.Doc.Answer != nil:
		schema, err := schemaOf(r.Doc.Answer, true)
		if err != nil {
			return nil, err
		}
		answer.WithJSONSchemaRef(schema)
	case r.Doc.Content != "":
		answer.Content = openapi3.Content{}
		for kind := range strings.SplitSeq(r.Doc.Content, ",") {
			answer.Content[kind] = openapi3.NewMediaType().WithSchema(openapi3.NewStringSchema())
		}
	}
	problem := openapi3.NewResponse().WithDescription("Why not.")
	problem.Content = openapi3.Content{"application/problem+json": openapi3.NewMediaType().WithSchemaRef(openapi3.NewSchemaRef("#/components/schemas/Problem", nil))}
	op.Responses = openapi3.NewResponses(
		openapi3.WithStatus(statusOf(r.Doc), &openapi3.ResponseRef{Value: answer}),
		openapi3.WithName("default", problem))
	return op, nil
}

func statusOf(d Doc) int {
	if d.Status == 0 {
		return http.StatusOK
	}
	return d.Status
}

// operationID makes a name of a route: getServersSlug.
func operationID(method, path string) string {
	id := strings.ToLower(method)
	for _, part := range strings.FieldsFunc(strings.TrimPrefix(path, APIPrefix), func(r rune) bool {
		return r < '0' || r > '9' && r < 'A' || r > 'Z' && r < 'a' || r > 'z'
	}) {
		id += strings.ToUpper(part[:1]) + part[1:]
	}
	return id
}

func (q Param) parameter() *openapi3.Parameter {
	p := openapi3.NewQueryParameter(q.Name).WithDescription(q.Text)
	s := openapi3.NewStringSchema()
	if q.Kind != "" {
		s = &openapi3.Schema{Type: &openapi3.Types{q.Kind}}
	}
	for _, w := range q.Of {
		s.Enum = append(s.Enum, w)
	}
	if q.Many {
		a := openapi3.NewArraySchema()
		a.Items = openapi3.NewSchemaRef("", s)
		s = a
	}
	p.Schema = openapi3.NewSchemaRef("", s)
	return p
}

var (
	timeType = reflect.TypeFor[time.Time]()
	rawType  = reflect.TypeFor[json.RawMessage]()
)

// schemaOf describes a type. What is answered always has its fields, except
// those that are left out when empty; of what is sent each may be left out.
func schemaOf(v any, answered bool) (*openapi3.SchemaRef, error) {
	return openapi3gen.NewSchemaRefForValue(v, nil, openapi3gen.SchemaCustomizer(func(_ string, t reflect.Type, tag reflect.StructTag, s *openapi3.Schema) error {
		if t == rawType || t.Kind() == reflect.Interface {
			*s = openapi3.Schema{Nullable: true}
			return nil
		}
		if words := tag.Get("enum"); words != "" {
			for w := range strings.SplitSeq(words, ",") {
				s.Enum = append(s.Enum, w)
			}
		}
		if t.Kind() == reflect.Struct && t != timeType {
			if answered {
				s.Required = always(t)
			} else {
				s.AdditionalProperties = openapi3.AdditionalProperties{Has: new(bool)}
			}
		}
		return nil
	}))
}

// always are the fields of a type that its JSON always has.
func always(t reflect.Type) []string {
	var out []string
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			out = append(out, always(f.Type)...)
		case f.IsExported() && name != "" && name != "-" && !strings.Contains(options, "omitempty") && !strings.Contains(options, "omitzero"):
			out = append(out, name)
		}
	}
	return out
}

// DescribeAPI serves the description of everything that is registered, now and
// later, as OpenAPI 3.
func (c *Console) DescribeAPI(version string) {
	c.API("GET "+APIPrefix+"/openapi.json", people.Viewer, func(w http.ResponseWriter, _ *http.Request) error {
		doc, err := c.openAPI(version)
		if err != nil {
			return err
		}
		return WriteJSON(w, doc)
	}, Doc{Summary: "This description", Answer: map[string]any{}})
}
