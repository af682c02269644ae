package demo

import (
	"fmt"

	"recordings/mapping"
)

// agent is somebody who answers the telephone.
type agent struct {
	first, last string
	login       string // before @example.com
	extension   int    // the last four digits of the telephone number
}

// contact is the agent as events name one who joins or leaves.
func (a agent) contact() mapping.Contact {
	return mapping.Contact{
		Type:        mapping.ContactUser,
		PhoneNumber: fmt.Sprintf("+1415555%04d", a.extension),
		UserName:    a.login + "@example.com",
		FirstName:   a.first,
		LastName:    a.last,
	}
}

// agents have names of many languages and scripts: they are what the search is shown with.
var agents = []agent{
	{"Alice", "Amber", "alice.amber", 100},
	{"Ana María", "Ibáñez", "ana.ibanez", 101},
	{"André", "Lefèvre", "andre.lefevre", 102},
	{"Åsa", "Lindström", "asa.lindstrom", 103},
	{"Ben", "Carter", "ben.carter", 104},
	{"أمل", "الحسيني", "amal.alhusseini", 136},
	{"Béatrice", "Okafor", "beatrice.okafor", 105},
	{"Björn", "Þórsson", "bjorn.thorsson", 106},
	{"Carlos", "Núñez", "carlos.nunez", 107},
	{"Chloë", "Dubois", "chloe.dubois", 108},
	{"Daniel", "Kim", "daniel.kim", 109},
	{"Dima", "Pokhil", "dima.p", 110},
	{"Elif", "Yılmaz", "elif.yilmaz", 111},
	{"Emma", "Smith", "emma.smith", 112},
	{"François", "Côté", "francois.cote", 113},
	{"Grace", "O'Brien", "grace.obrien", 114},
	{"Hannah", "Schäfer", "hannah.schaefer", 115},
	{"İpek", "Demir", "ipek.demir", 116},
	{"Jack", "Nguyễn", "jack.nguyen", 117},
	{"Jürgen", "Weiß", "juergen.weiss", 118},
	{"Katarzyna", "Wójcik", "katarzyna.wojcik", 119},
	{"Liam", "van der Berg", "liam.vanderberg", 120},
	{"Łukasz", "Zieliński", "lukasz.zielinski", 121},
	{"María José", "Fernández", "mj.fernandez", 122},
	{"Mei", "陈", "mei.chen", 123},
	{"נועה", "לוי", "noa.levi", 137},
	{"Noah", "Anderson", "noah.anderson", 124},
	{"Olga", "Соколова", "olga.sokolova", 125},
	{"Priya", "Raman", "priya.raman", 126},
	{"Renée", "Martin", "renee.martin", 127},
	{"Sinéad", "Byrne", "sinead.byrne", 128},
	{"Søren", "Kjær", "soren.kjaer", 129},
	{"Tomás", "Ó Briain", "tomas.obriain", 130},
	{"Tom", "Walker", "tom.walker", 131},
	{"Ursula", "Müller", "ursula.mueller", 132},
	{"Véronique", "Bélanger", "veronique.belanger", 133},
	{"Yuki", "Tanaka", "yuki.tanaka", 134},
	{"Zoë", "Müller", "zoe.mueller", 135},
}

// queue is what the call was about.
type queue struct {
	name, partition string
	masked          bool // customers tell card numbers there
}

// queues are what the contact center takes calls about.
var queues = []queue{
	{"Billing", "finance", true},
	{"Payments", "finance", true},
	{"Technical Support", "support", false},
	{"Returns", "support", false},
	{"Sales", "sales", false},
	{"Retention", "sales", false},
}

// What calls are made of. What is in a list more than once is as much more common.
var (
	languages       = []string{"en-US", "en-US", "en-US", "es-US", "fr-CA", "zh-CN"}
	segments        = []string{"Gold", "Silver", "Silver", "Bronze", "Bronze", "Bronze"}
	transferReasons = []string{"needs a supervisor", "wrong queue", "payment plan", "language", "escalated to tier 2"}
	serviceLines    = []string{"+18005550100", "+18005550123", "+18005550142", "+18005550177", "+14155550199"}
	areaCodes       = []string{"206", "213", "303", "312", "408", "415", "503", "510", "602", "650", "702", "916"}
)

// customer is a telephone number that is kept free for fiction.
func (g *generator) customer() string {
	// Mostly North America, some Britain, Berlin and France, and now and then a withheld number.
	switch n := g.random.IntN(100); {
	case n < 88:
		return fmt.Sprintf("+1%s55501%02d", pick(g, areaCodes), g.random.IntN(100))
	case n < 94:
		return fmt.Sprintf("+442079460%03d", g.random.IntN(1000))
	case n < 97:
		return fmt.Sprintf("+493023125%03d", g.random.IntN(1000))
	case n < 99:
		return fmt.Sprintf("+3319900%04d", g.random.IntN(10000))
	default:
		return "UNKNOWN"
	}
}
