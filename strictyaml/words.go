package strictyaml

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

// words says what the YAML library found wrong without the names of Go types.
func words(err yaml.Error, dst any) string {
	var kind *yaml.TypeError
	var node *yaml.UnexpectedNodeTypeError
	var number *yaml.OverflowError
	var unknown *yaml.UnknownFieldError
	switch {
	case errors.As(err, &kind):
		return wants(typeName(kind.DstType), typeName(kind.SrcType))
	case errors.As(err, &node):
		return wants(nodeName(node.Expected), nodeName(node.Actual))
	case errors.As(err, &number):
		return "this number is too large or too small for what stands here"
	case errors.As(err, &unknown) && unknown.Token != nil:
		return unknownKey(unknown.Token.Value, dst)
	}
	return err.GetMessage()
}

func wants(want, is string) string {
	if want == "" || is == "" {
		return "this value is not of the kind that is wanted here"
	}
	text := fmt.Sprintf("want %s; this is %s", want, is)
	if want == wordText && is == wordMapping { // such as [webhook:ops], which the library takes apart
		text += "; text with a colon in it is written in quotes"
	}
	return text
}

// What a value is, where two places say it.
const (
	wordText    = "text"
	wordMapping = "a mapping (key: value)"
)

func typeName(t reflect.Type) string {
	if t == nil {
		return ""
	}
	switch t.Kind() {
	case reflect.Pointer:
		return typeName(t.Elem())
	case reflect.String:
		return wordText
	case reflect.Bool:
		return "true or false"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Map, reflect.Struct:
		return wordMapping
	}
	return ""
}

func nodeName(t ast.NodeType) string {
	switch t {
	case ast.StringType, ast.LiteralType:
		return wordText
	case ast.BoolType:
		return "true or false"
	case ast.IntegerType:
		return "a whole number"
	case ast.FloatType, ast.InfinityType, ast.NanType:
		return "a number"
	case ast.NullType:
		return "nothing"
	case ast.SequenceType:
		return "a list"
	case ast.MappingType, ast.MappingValueType, ast.MappingKeyType:
		return wordMapping
	}
	return ""
}
