package table

import (
	"fmt"
	"strconv"
	"strings"
)

// The parts of a workbook beside its rows, by ECMA-376, part 1, clause 12 (parts), 18.3 (sheets) and
// 18.8 (styles). Nothing of them depends on what is written but the columns and how many sheets there are.

// The styles of cells, by their numbers in cellXfs.
const (
	textStyle   = "1"
	dateStyle   = "2"
	headerStyle = "3"
)

const (
	xmlHeader  = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n"
	ofMain     = `xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"`
	ofPackage  = "http://schemas.openxmlformats.org/package/2006/"
	ofDocument = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
	typesOf    = "application/vnd.openxmlformats-officedocument.spreadsheetml."
	relation   = `<Relationship Id="rId%d" Type="%s" Target="%s"/>`
)

// styles are the four of the constants above: 49 is the format of text, 164 the first that is free.
const styles = xmlHeader + `<styleSheet ` + ofMain + `>` +
	`<numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy-mm-dd hh:mm:ss"/></numFmts>` +
	`<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>` +
	`<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>` +
	`<fills count="2"><fill><patternFill patternType="none"/></fill>` +
	`<fill><patternFill patternType="gray125"/></fill></fills>` +
	`<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>` +
	`<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>` +
	`<cellXfs count="4"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>` +
	`<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>` +
	`<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>` +
	`<xf numFmtId="49" fontId="1" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" applyFont="1"/></cellXfs>` +
	`<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>`

// beginSheet is a sheet up to its first row, with a header that stays in sight. Only the first is
// selected: two that are would be edited together.
func (w *Workbook) beginSheet(n int) []byte {
	b := []byte(xmlHeader + `<worksheet ` + ofMain + `><sheetViews><sheetView`)
	if n == 1 {
		b = append(b, ` tabSelected="1"`...)
	}
	b = append(b, ` workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>`+
		`</sheetView></sheetViews><cols>`...)
	for i, column := range w.columns {
		b = fmt.Appendf(b, `<col min="%d" max="%[1]d" width="%g" customWidth="1"/>`, i+1, column.width)
	}

	b = append(b, `</cols><sheetData><row>`...)
	for _, column := range w.columns {
		b = append(b, `<c s="`+headerStyle+`" t="inlineStr"><is><t>`...)
		b = append(appendText(b, column.name), "</t></is></c>"...)
	}
	return append(b, rowEnd...)
}

const endOfSheet = `</sheetData></worksheet>`

// sheetPart is where a sheet is, from where the workbook is.
func sheetPart(n int) string { return "worksheets/sheet" + strconv.Itoa(n) + ".xml" }

// part is a file of a workbook.
type part struct{ name, content string }

// partsAround are those that make sheets a workbook.
func partsAround(sheets int) []part {
	var types, list, relations strings.Builder
	for n := 1; n <= sheets; n++ {
		name := "recordings"
		if n > 1 {
			name += " " + strconv.Itoa(n)
		}
		fmt.Fprintf(&types, `<Override PartName="/xl/%s" ContentType="%sworksheet+xml"/>`, sheetPart(n), typesOf)
		fmt.Fprintf(&list, `<sheet name="%s" sheetId="%d" r:id="rId%[2]d"/>`, name, n)
		fmt.Fprintf(&relations, relation, n, ofDocument+"/worksheet", sheetPart(n))
	}
	fmt.Fprintf(&relations, relation, sheets+1, ofDocument+"/styles", "styles.xml")

	return []part{
		{"xl/workbook.xml", xmlHeader + `<workbook ` + ofMain + ` xmlns:r="` + ofDocument + `">` +
			`<bookViews><workbookView/></bookViews><sheets>` + list.String() + `</sheets></workbook>`},
		{"xl/_rels/workbook.xml.rels", relationships(relations.String())},
		{"xl/styles.xml", styles},
		{"_rels/.rels", relationships(fmt.Sprintf(relation, 1, ofDocument+"/officeDocument", "xl/workbook.xml"))},
		{"[Content_Types].xml", xmlHeader + `<Types xmlns="` + ofPackage + `content-types">` +
			`<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>` +
			`<Default Extension="xml" ContentType="application/xml"/>` +
			`<Override PartName="/xl/workbook.xml" ContentType="` + typesOf + `sheet.main+xml"/>` +
			`<Override PartName="/xl/styles.xml" ContentType="` + typesOf + `styles+xml"/>` +
			types.String() + `</Types>`},
	}
}

func relationships(all string) string {
	return xmlHeader + `<Relationships xmlns="` + ofPackage + `relationships">` + all + `</Relationships>`
}
