package embedded

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
)

// encode writes {"resultType":…,"result":…} as Prometheus does: times in
// seconds, values as strings.
func encode(v parser.Value) (json.RawMessage, error) {
	b := append([]byte(`{"resultType":"`), v.Type()...)
	b = append(b, `","result":`...)
	var err error
	switch v := v.(type) {
	case promql.Vector:
		b, err = appendList(b, v, func(b []byte, s promql.Sample) ([]byte, error) {
			b, err := appendMetric(b, s.Metric)
			if s.H != nil {
				return append(appendHistogram(append(b, `,"histogram":`...), s.T, s.H), '}'), err
			}
			return append(appendPoint(append(b, `,"value":`...), s.T, s.F), '}'), err
		})
	case promql.Matrix:
		b, err = appendList(b, v, appendSeries)
	case promql.Scalar:
		b = appendPoint(b, v.T, v.V)
	case promql.String:
		var text []byte
		text, err = json.Marshal(v.V)
		b = append(appendTime(append(b, '['), v.T), ',')
		b = append(append(b, text...), ']')
	default:
		err = fmt.Errorf("a %T has no JSON form", v)
	}
	return append(b, '}'), err
}

func appendList[T any](b []byte, list []T, one func([]byte, T) ([]byte, error)) ([]byte, error) {
	b = append(b, '[')
	for i, v := range list {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = one(b, v); err != nil {
			return b, err
		}
	}
	return append(b, ']'), nil
}

func appendSeries(b []byte, s promql.Series) ([]byte, error) {
	b, err := appendMetric(b, s.Metric)
	if len(s.Floats) > 0 || len(s.Histograms) == 0 {
		b = append(b, `,"values":[`...)
		for i, p := range s.Floats {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendPoint(b, p.T, p.F)
		}
		b = append(b, ']')
	}
	if len(s.Histograms) > 0 {
		b = append(b, `,"histograms":[`...)
		for i, p := range s.Histograms {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendHistogram(b, p.T, p.H)
		}
		b = append(b, ']')
	}
	return append(b, '}'), err
}

func appendMetric(b []byte, l labels.Labels) ([]byte, error) {
	text, err := json.Marshal(l.Map())
	b = append(b, `{"metric":`...)
	return append(b, text...), err
}

func appendPoint(b []byte, t int64, v float64) []byte {
	b = append(appendTime(append(b, '['), t), `,"`...)
	return append(append(b, formatFloat(v)...), `"]`...)
}

// appendTime writes milliseconds as seconds with as many decimals as are needed.
func appendTime(b []byte, ms int64) []byte {
	return strconv.AppendFloat(b, float64(ms)/1000, 'f', -1, 64)
}

func formatFloat(v float64) string {
	format := byte('f')
	if abs := math.Abs(v); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	return strconv.FormatFloat(v, format, -1, 64)
}
