package capacity

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"github.com/sitrep-dev/sitrep/strictyaml"
)

// hoursPerMonth is what clouds bill: 365 days of 24 hours in twelve.
const hoursPerMonth = 730

// Price is what one of a unit costs.
type Price struct {
	Price float64 `yaml:"price"`
	Per   string  `yaml:"per"` // hour or month
	Unit  Unit    `yaml:"unit"`
}

// Monthly is it for a month.
func (p Price) Monthly() float64 {
	if p.Per == "hour" {
		return p.Price * hoursPerMonth
	}
	return p.Price
}

// Saving is a way to pay less for the same.
type Saving struct {
	Name    string           `yaml:"name"`
	Off     strictyaml.Share `yaml:"off"`     // of the price
	Share   strictyaml.Share `yaml:"share"`   // of the usage that it can be had for
	Of      []string         `yaml:"of"`      // which prices; all without
	Assumes string           `yaml:"assumes"` // what has to be true for it, in words
}

// Prices are those of one region. No price is known to sitrep: all are of the file.
type Prices struct {
	Currency string
	Region   string
	Of       map[string]Price
	Savings  []Saving
}

type (
	priceFile struct {
		Currency string                           `yaml:"currency"`
		Region   string                           `yaml:"region"`
		Regions  map[string]map[string]priceEntry `yaml:"regions"`
		Savings  []Saving                         `yaml:"savings"`
	}
	priceEntry struct{ Price }
)

// UnmarshalYAML reads a price, and says of a currency where it stands that a file has
// one.
func (e *priceEntry) UnmarshalYAML(n ast.Node) error {
	list, ok := n.(*ast.MappingNode)
	if !ok {
		return &yaml.SyntaxError{Message: "a price is {price: 0.04, per: hour, unit: cores}, in the currency that stands at the top of the file: prices in another one are another file's", Token: n.GetToken()}
	}
	for _, v := range list.Values {
		if key := v.Key.GetToken(); key.Value == "currency" {
			return &yaml.SyntaxError{Message: "a file has one currency, at its top, for nothing is converted here: put prices in another one into a file of their own", Token: key}
		}
	}
	return yaml.NodeToValue(n, &e.Price, yaml.Strict())
}

var currency = regexp.MustCompile(`^[A-Z]{3}$`)

// LoadPrices reads src, the content of file; region is which of its regions, "" the
// one that the file prefers. Want is the currency that one wants to read, "" any.
// Errors are *strictyaml.Error.
func LoadPrices(file string, src []byte, region, want string) (Prices, error) {
	var f priceFile
	doc, err := strictyaml.Decode(file, src, &f)
	if err != nil {
		return Prices{}, err
	}
	p := Prices{Currency: f.Currency, Region: f.Region, Savings: f.Savings}
	names := strings.Join(slices.Sorted(maps.Keys(f.Regions)), ", ")
	key, chosen := "region", "here"
	if region != "" {
		p.Region, key, chosen = region, "regions", "in prices.region of the configuration"
	}
	switch {
	case !currency.MatchString(f.Currency):
		return p, doc.Errorf("currency", "%q is no currency: write three letters such as EUR", f.Currency)
	case want != "" && want != f.Currency:
		return p, doc.Errorf("currency", "the prices are in %s, and %s is asked for: nothing is converted here, for rates change; give a price file in %s", f.Currency, want, want)
	case len(f.Regions) == 0:
		return p, doc.Errorf("regions", "there are no prices: write regions: {NAME: {cpu: {price: …, per: hour, unit: cores}}}")
	case p.Region == "" && len(f.Regions) > 1:
		return p, doc.Errorf("regions", "which region? write region: one of %s", names)
	case p.Region == "":
		p.Region = names
	}
	of, ok := f.Regions[p.Region]
	if !ok {
		return p, doc.Errorf(key, "there is no region %q; the file has %s: choose one of these %s, or write its prices", p.Region, names, chosen)
	}
	p.Of = make(map[string]Price, len(of))
	for name, e := range of {
		p.Of[name] = e.Price
	}
	for _, r := range slices.Sorted(maps.Keys(f.Regions)) {
		for _, name := range slices.Sorted(maps.Keys(f.Regions[r])) {
			if err := f.Regions[r][name].check(doc, "regions."+r+"."+name); err != nil {
				return p, err
			}
		}
	}
	for i, s := range f.Savings {
		at := fmt.Sprintf("savings[%d]", i)
		switch {
		case !named.MatchString(s.Name):
			return p, doc.Errorf(at+".name", "%q is no name", s.Name)
		case s.Off == 0 || s.Share == 0:
			return p, doc.Errorf(at, "a saving has off, of the price, and share, of the usage that it can be had for")
		case s.Assumes == "":
			return p, doc.Errorf(at, "assumes is missing: say what has to be true for it, such as \"a commitment of a year\"")
		}
		for k, name := range s.Of {
			if _, ok := of[name]; !ok {
				return p, doc.Errorf(fmt.Sprintf("%s.of[%d]", at, k), "there is no price %q in %s, which has %s", name, p.Region, p.names())
			}
		}
	}
	return p, nil
}

// names are those of the prices.
func (p *Prices) names() string {
	if len(p.Of) == 0 {
		return "none"
	}
	return strings.Join(slices.Sorted(maps.Keys(p.Of)), ", ")
}

// Priced says whether there is a price of what r counts: its error points at the place
// in the file of r.
func (p *Prices) Priced(r *Resource) error {
	if r.Price == "" {
		return nil
	}
	price, ok := p.Of[r.Price]
	if !ok {
		return r.errorf("price", "there is no price %q in %s, which has %s: take one of these, or write it into the price file", r.Price, p.Region, p.names())
	}
	if _, ok := r.Unit.In(price.Unit); !ok {
		return r.errorf("price", "it counts %s, and the price %s is for %s: write the unit that it counts", orNothing(r.Unit), r.Price, orNothing(price.Unit))
	}
	return nil
}

func (p Price) check(doc *strictyaml.Doc, at string) error {
	switch {
	case !(p.Price > 0) || math.IsInf(p.Price, 0):
		return doc.Errorf(at+".price", "a price is above 0, not %g: what is cheaper under a condition is one of savings", p.Price)
	case p.Per != "hour" && p.Per != "month":
		return doc.Errorf(at+".per", "per is hour or month, not %q", p.Per)
	case !known(p.Unit):
		return doc.Errorf(at+".unit", "%q is none of the units: %s", p.Unit, units())
	}
	return nil
}
