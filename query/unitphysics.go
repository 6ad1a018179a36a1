package query

import "strings"

// Units of physics, as Grafana names them: what they are given in, and the base that
// prefixes go before.

func electricUnit(name string) (unit, bool) {
	switch name {
	case "watt":
		return si("W", 0)
	case "kwatt":
		return si("W", 1)
	case "megwatt":
		return si("W", 2)
	case "gwatt":
		return si("W", 3)
	case "mwatt":
		return si("W", -1)
	case "Wm2":
		return si("W/m²", 0)
	case "voltamp":
		return si("VA", 0)
	case "kvoltamp":
		return si("VA", 1)
	case "voltampreact":
		return si("var", 0)
	case "kvoltampreact":
		return si("var", 1)
	case "watth":
		return si("Wh", 0)
	case "watthperkg":
		return si("Wh/kg", 0)
	case "kwatth":
		return si("Wh", 1)
	case "kwattm":
		return si("W·min", 1)
	case "mwatth":
		return si("Wh", 2)
	case "amph":
		return si("Ah", 0)
	case "kamph":
		return si("Ah", 1)
	case "mamph":
		return si("Ah", -1)
	case "joule":
		return si("J", 0)
	case "ev":
		return si("eV", 0)
	case "amp":
		return si("A", 0)
	case "kamp":
		return si("A", 1)
	case "mamp":
		return si("A", -1)
	case "volt":
		return si("V", 0)
	case "kvolt":
		return si("V", 1)
	case "mvolt":
		return si("V", -1)
	case "mohm":
		return si("Ω", -1)
	case "ohm":
		return si("Ω", 0)
	case "kohm":
		return si("Ω", 1)
	case "Mohm":
		return si("Ω", 2)
	case "farad":
		return si("F", 0)
	case "µfarad", "μfarad":
		return si("F", -2)
	case "nfarad":
		return si("F", -3)
	case "pfarad":
		return si("F", -4)
	case "ffarad":
		return si("F", -5)
	case "henry":
		return si("H", 0)
	case "mhenry":
		return si("H", -1)
	case "µhenry", "μhenry":
		return si("H", -2)
	case "lumens":
		return si("lm", 0)
	case "candela":
		return si("cd", 0)
	}
	return unit{}, false
}

func physicalUnit(name string) (unit, bool) {
	switch name {
	case "flops":
		return si("FLOPS", 0)
	case "mflops":
		return si("FLOPS", 2)
	case "gflops":
		return si("FLOPS", 3)
	case "tflops":
		return si("FLOPS", 4)
	case "pflops":
		return si("FLOPS", 5)
	case "eflops":
		return si("FLOPS", 6)
	case "zflops":
		return si("FLOPS", 7)
	case "yflops":
		return si("FLOPS", 8)
	case "forceNm":
		return si("Nm", 0)
	case "forcekNm":
		return si("Nm", 1)
	case "forceN":
		return si("N", 0)
	case "forcekN":
		return si("N", 1)
	case "Hs":
		return si("H/s", 0)
	case "KHs":
		return si("H/s", 1)
	case "MHs":
		return si("H/s", 2)
	case "GHs":
		return si("H/s", 3)
	case "THs":
		return si("H/s", 4)
	case "PHs":
		return si("H/s", 5)
	case "EHs":
		return si("H/s", 6)
	case "massmg":
		return si("g", -1)
	case "massg":
		return si("g", 0)
	case "masskg":
		return si("g", 1)
	case "lengthmm":
		return si("m", -1)
	case "lengthm":
		return si("m", 0)
	case "lengthkm":
		return si("m", 1)
	case "pressurembar":
		return si("bar", -1)
	case "pressurebar":
		return si("bar", 0)
	case "pressurekbar":
		return si("bar", 1)
	case "pressurepa":
		return si("Pa", 0)
	case "pressurepsi":
		return si("psi", 0)
	case "radbq":
		return si("Bq", 0)
	case "radci":
		return si("Ci", 0)
	case "radgy":
		return si("Gy", 0)
	case "radrad":
		return si("rad", 0)
	case "radsv":
		return si("Sv", 0)
	case "radmsv":
		return si("Sv", -1)
	case "radusv":
		return si("Sv", -2)
	case "radrem":
		return si("rem", 0)
	case "radexpckg":
		return si("C/kg", 0)
	case "radr":
		return si("R", 0)
	case "radsvh":
		return si("Sv/h", 0)
	case "radmsvh":
		return si("Sv/h", -1)
	case "radusvh":
		return si("Sv/h", -2)
	case "hertz", "rothz":
		return si("Hz", 0)
	case "rotkhz":
		return si("Hz", 1)
	case "rotmhz":
		return si("Hz", 2)
	case "rotghz":
		return si("Hz", 3)
	case "mlitre":
		return si("L", -1)
	case "litre":
		return si("L", 0)
	}
	return unit{}, false
}

// bareUnit is one that nobody puts a prefix before.
func bareUnit(name string) (unit, bool) {
	switch name {
	case "humidity":
		return bare("%H")
	case "dB":
		return bare("dB")
	case "dBm":
		return bare("dBm")
	case "pixel":
		return bare("px")
	case "accMS2":
		return bare("m/s²")
	case "accFS2":
		return bare("ft/s²")
	case "accG":
		return bare("g")
	case "degree":
		return bare("°")
	case "radian":
		return bare("rad")
	case "grad":
		return bare("grad")
	case "arcmin":
		return bare("arcmin")
	case "arcsec":
		return bare("arcsec")
	case "areaM2":
		return bare("m²")
	case "areaF2":
		return bare("ft²")
	case "areaMI2":
		return bare("mi²")
	case "acres":
		return bare("ac")
	case "hectares":
		return bare("ha")
	case "ppm":
		return bare("ppm")
	case "conppb":
		return bare("ppb")
	case "conngm3":
		return bare("ng/m³")
	case "conngNm3":
		return bare("ng/Nm³")
	case "conμgm3", "conµgm3":
		return bare("µg/m³")
	case "conμgNm3", "conµgNm3":
		return bare("µg/Nm³")
	case "conmgm3":
		return bare("mg/m³")
	case "conmgNm3":
		return bare("mg/Nm³")
	case "congm3":
		return bare("g/m³")
	case "congNm3":
		return bare("g/Nm³")
	case "conmgdL":
		return bare("mg/dL")
	case "conmmolL":
		return bare("mmol/L")
	case "flowgpm":
		return bare("gpm")
	case "flowcms":
		return bare("cms")
	case "flowcfs":
		return bare("cfs")
	case "flowcfm":
		return bare("cfm")
	case "litreh":
		return bare("L/h")
	case "flowlpm":
		return bare("L/min")
	case "flowmlpm":
		return bare("mL/min")
	case "lux":
		return bare("lx")
	case "masslb":
		return bare("lb")
	case "masst":
		return bare("t")
	case "lengthin":
		return bare("in")
	case "lengthft":
		return bare("ft")
	case "lengthmi":
		return bare("mi")
	case "pressurehpa":
		return bare("hPa")
	case "pressurekpa":
		return bare("kPa")
	case "pressurehg":
		return bare("inHg")
	case "rotrpm":
		return bare("rpm")
	case "rotrads":
		return bare("rad/s")
	case "rotdegs":
		return bare("°/s")
	case "celsius":
		return bare("°C")
	case "fahrenheit", "farenheit":
		return bare("°F")
	case "kelvin":
		return bare("K")
	case "velocityms":
		return bare("m/s")
	case "velocitykmh":
		return bare("km/h")
	case "velocitymph":
		return bare("mph")
	case "velocityknot":
		return bare("kn")
	case "m3":
		return bare("m³")
	case "Nm3":
		return bare("Nm³")
	case "dm3":
		return bare("dm³")
	case "gallons":
		return bare("gal")
	}
	return unit{}, false
}

// currencyUnit has the sign where people of that country write it; letters stand
// apart.
func currencyUnit(name string) (unit, bool) {
	code, ok := strings.CutPrefix(name, "currency")
	if !ok {
		return unit{}, false
	}
	before := ""
	switch code {
	case "DKK", "ISK", "NOK", "SEK":
		return unit{scaling: decimal, glue: true, after: " kr"}, true
	case "VND":
		return unit{scaling: decimal, glue: true, after: " đ"}, true
	case "TRY":
		return unit{scaling: decimal, glue: true, after: " ₺"}, true
	case "USD":
		before = "$"
	case "GBP":
		before = "£"
	case "EUR":
		before = "€"
	case "JPY":
		before = "¥"
	case "RUB":
		before = "₽"
	case "UAH":
		before = "₴"
	case "BRL":
		before = "R$"
	case "BTC":
		before = "₿"
	case "μBTC", "µBTC":
		before = "µBTC "
	case "ZAR":
		before = "R "
	case "INR":
		before = "₹"
	case "KRW":
		before = "₩"
	case "IDR":
		before = "Rp "
	case "MYR":
		before = "RM "
	case "PYG":
		before = "₲"
	case "ILS":
		before = "₪"
	case "CZK", "CHF", "PLN", "mBTC", "PHP", "XPF", "BGN", "UYU":
		before = code + " "
	default:
		return unit{}, false
	}
	return unit{scaling: decimal, glue: true, before: before}, true
}
