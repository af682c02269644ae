package corpus

import "strings"

var firstNames = strings.Split(`Maria,James,Anna,Robert,Alice,Michael,Jennifer,David,Linda,John,Sarah,Daniel,`+
	`Laura,Thomas,Julia,William,Karen,Peter,Emma,Richard,Sofia,Joseph,Lisa,Charles,Nancy,Christopher,Sandra,`+
	`Matthew,Ashley,Anthony,Kimberly,Mark,Emily,Paul,Donna,Steven,Michelle,Andrew,Carol,Kenneth,Amanda,George,`+
	`Melissa,Joshua,Deborah,Kevin,Stephanie,Brian,Rebecca,Edward,Sharon,Ronald,Cynthia,Timothy,Kathleen,Jason,`+
	`Amy,Jeffrey,Angela,Ryan,Shirley,Jacob,Brenda,Gary,Pamela,Nicholas,Nicole,Eric,Samantha,Jonathan,Katherine,`+
	`Stephen,Christine,Larry,Helen,Justin,Debra,Scott,Rachel,Brandon,Carolyn,Benjamin,Janet,Samuel,Catherine,`+
	`Gregory,Heather,Frank,Diane,Alexander,Olivia,Raymond,Julie,Patrick,Joyce,Jack,Victoria,Dennis,Ruth,Jerry,`+
	`Virginia,Tyler,Lauren,Aaron,Kelly,José,Christina,Henry,Joan,Adam,Evelyn,Douglas,Judith,Nathan,Andrea,`+
	`Zachary,Hannah,Kyle,Jürgen,Megan,Ethan,Cheryl,Walter,Jacqueline,Noah,Martha,Jeremy,Madison,Christian,Teresa,`+
	`Keith,Gloria,Roger,Sara,Terry,Janice,Austin,Ann,Sean,Kathryn,Gerald,Abigail,Carl,Sophia,Harold,Frances,`+
	`Dylan,Jean,Arthur,Amber,Lawrence,Judy,Jordan,Isabella,Jesse,Grace,Bryan,Denise,Billy,Marilyn,Bruce,Beverly,`+
	`Gabriel,Charlotte,Joe,Natalie,Logan,Theresa,Alan,Diana,Juan,Brittany,Albert,Doris,Willie,Kayla,Elijah,`+
	`Alexis,Wayne,Lori,Randy,Françoise,Vincent,Tiffany,Mason,Zoë,Roy,Mary Jane,Ralph,Jean Paul,Bobby,Anna Lena,`+
	`Russell,Łukasz,Bradley,Søren,Philip,Ayşe,Eugene,Xiomara,Quentin`, ",")

var lastNames = strings.Split(`Smith,Johnson,Williams,Brown,Jones,Garcia,Miller,Davis,Rodriguez,Martinez,`+
	`Hernandez,Lopez,Gonzalez,Wilson,Anderson,Thomas,Taylor,Moore,Jackson,Martin,Lee,Perez,Thompson,White,Harris,`+
	`Sanchez,Clark,Ramirez,Lewis,Robinson,Walker,Young,Allen,King,Wright,Scott,Torres,Nguyen,Hill,Flores,Green,`+
	`Adams,Nelson,Baker,Hall,Rivera,Campbell,Mitchell,Carter,Roberts,Gomez,Phillips,Evans,Turner,Diaz,Parker,`+
	`Cruz,Edwards,Collins,Reyes,Stewart,Morris,Morales,Murphy,Cook,Rogers,Gutierrez,Ortiz,Morgan,Cooper,Peterson,`+
	`Bailey,Reed,Kelly,Howard,Ramos,Kim,Cox,Ward,Richardson,Watson,Brooks,Chavez,Wood,Bennett,Gray,Mendoza,Ruiz,`+
	`Hughes,Price,Alvarez,Castillo,Sanders,Patel,Myers,Long,Ross,Foster,Jimenez,Powell,Jenkins,Perry,Russell,`+
	`Sullivan,Bell,Coleman,Butler,Henderson,Barnes,Fisher,Vasquez,Simmons,Romero,Patterson,Hamilton,Graham,`+
	`Reynolds,Griffin,Wallace,Moreno,West,Cole,Hayes,Bryant,Herrera,Gibson,Ellis,Tran,Medina,Aguilar,Stevens,`+
	`Murray,Ford,Castro,Marshall,Owens,Harrison,Fernandez,McDonald,Woods,Washington,Kennedy,Wells,Vargas,Chen,`+
	`Freeman,Webb,Tucker,Guzman,Burns,Crawford,Olson,Simpson,Porter,Hunter,Gordon,Müller,Mendez,Silva,Shaw,`+
	`Snyder,Mason,Dixon,Munoz,Hunt,Hicks,Holmes,Palmer,Wagner,Black,Robertson,Boyd,Rose,Stone,Salazar,Fox,Warren,`+
	`Mills,Meyer,Rice,Schmidt,Garza,Daniels,Ferguson,Nichols,Stephens,Soto,Weaver,Ryan,Gardner,Payne,Grant,Dunn,`+
	`Kelley,Spencer,Hawkins,O'Connor,de la Cruz,van den Berg,Smith-Jones,Núñez,Öztürk,Nowak,Kowalczyk,Amberson,`+
	`Xu,Quixley,Zhukovsky`, ",")

var ascii = strings.NewReplacer("é", "e", "ü", "ue", "ç", "c", "ë", "e", "Ł", "l", "ø", "o", "ş", "s", "ú", "u", "ñ",
	"n", "Ö", "oe")

// areaCodes are those of callers, the frequent ones first.
var areaCodes = func() []string {
	first := strings.Fields("+1212 +1650 +1415 +1310 +1408 +1702 +1305 +1617 +4420 +1718 +4930 +1206 +3314 +1512 " +
		"+1404 +1312")
	for i := range 240 {
		code := 201 + i*3
		first = append(first, "+1"+string([]byte{byte('0' + code/100), byte('0' + code/10%10), byte('0' + code%10)}))
	}
	return first
}()

var (
	departments = strings.Fields("sales support billing retention technical collections onboarding fraud loyalty " +
		"claims shipping returns")
	languages    = strings.Fields("english spanish french german italian portuguese japanese mandarin")
	dispositions = strings.Split("resolved,callback requested,transferred,voicemail,sale,no sale,escalated,wrong "+
		"number,dispute opened,refund issued,"+
		"appointment made,customer hung up", ",")
	products = strings.Split("Basic Plan,Family Plan,Pro Plan,Prepaid,Fibre 100,Fibre 500,Router,Phone Insurance,TV "+
		"Package,Roaming Pass", ",")
)
