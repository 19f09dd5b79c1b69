package fleet_test

import (
	"fmt"
	"regexp"
	"slices"
)

// validator checks a value against the part of JSON Schema that opsrepo.Schema
// uses.
type validator struct{ defs map[string]any }

func (v validator) check(path string, schema map[string]any, value any) (out []string) {
	fail := func(format string, args ...any) { out = append(out, path+": "+fmt.Sprintf(format, args...)) }
	if ref, ok := schema["$ref"].(string); ok {
		return v.check(path, v.defs[ref[len("#/$defs/"):]].(map[string]any), value)
	}
	if want, ok := schema["const"]; ok && want != value {
		fail("%v is not %v", value, want)
	}
	if types, ok := schema["type"]; ok && !slices.Contains(names(types), typeOf(value)) &&
		!(typeOf(value) == "integer" && slices.Contains(names(types), "number")) {
		fail("%v is no %v", value, types)
		return out
	}
	if enum, ok := schema["enum"].([]any); ok && !slices.Contains(enum, value) {
		fail("%v is not in %v", value, enum)
	}
	switch x := value.(type) {
	case string:
		if p, ok := schema["pattern"].(string); ok && !regexp.MustCompile(p).MatchString(x) {
			fail("%q does not match %s", x, p)
		}
	case float64:
		if low, ok := schema["minimum"].(float64); ok && x < low {
			fail("%v is below %v", x, low)
		}
	case []any:
		if items, ok := schema["items"].(map[string]any); ok {
			for i, item := range x {
				out = append(out, v.check(fmt.Sprintf("%s[%d]", path, i), items, item)...)
			}
		}
	case map[string]any:
		out = append(out, v.object(path, schema, x)...)
	}
	return out
}

func (v validator) object(path string, schema, value map[string]any) (out []string) {
	properties, _ := schema["properties"].(map[string]any)
	for key, item := range value {
		p, known := properties[key].(map[string]any)
		if !known && schema["additionalProperties"] == false {
			out = append(out, path+": unknown key "+key)
		}
		if known {
			out = append(out, v.check(path+"."+key, p, item)...)
		}
	}
	required, _ := schema["required"].([]any)
	for _, key := range required {
		if _, there := value[key.(string)]; !there {
			out = append(out, fmt.Sprintf("%s: %s is missing", path, key))
		}
	}
	return out
}

func names(types any) []string {
	if one, ok := types.(string); ok {
		return []string{one}
	}
	var out []string
	for _, t := range types.([]any) {
		out = append(out, t.(string))
	}
	return out
}

func typeOf(v any) string {
	switch x := v.(type) {
	case nil:
		return "null"
	case string:
		return "string"
	case bool:
		return "boolean"
	case []any:
		return "array"
	case map[string]any:
		return "object"
	case float64:
		if x == float64(int64(x)) {
			return "integer"
		}
	}
	return "number"
}
