package mapping

import (
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// usual is a recording as recorders of the field post it: two media files with what they have to
// say, four events, and data attached.
const usual = `{"id":"00PV5Q27MG8AB8VNE49362LAES000014","callerPhoneNumber":"+16504668888",
	"dialedPhoneNumber":"+14155551234","region":"us-west","ccid":"a5539ef5-7dd5-4150-818f-ee1bcd447cbe",
	"mediaFiles":[{"mediaDescriptor":{"storage":"awsS3","path":"calls/2026/05/sample1.mp3",
	"data":{"bucket":"stage-recordings"}},"callUUID":"01D8QV3P7K","startTime":"2026-05-17T11:45:32.000-0800",
	"stopTime":"2026-05-17T12:15:36.000-0800","mediaId":"00PV5Q27MG8AB8_029FO32T0G8LDFTEK9I4K.mp3",
	"type":"audio/mp3","duration":"1804000","tenant":"Environment","ivrprofile":"DefaultProfile",
	"size":"8544000","parameters":{"record":"source","recorddn":"2222"},
	"masks":[{"time":"2026-05-17T20:00:10.034Z","type":"paused"}],"partitions":["part1","part2"],
	"accessgroups":["US","US/CA"]},{"mediaDescriptor":{"storage":"webDAV",
	"path":"http://10.10.15.83:8080/sample2.wav"},"callUUID":"01D8QV3P7K",
	"startTime":"2026-05-17T12:15:37.000-0800","stopTime":"2026-05-17T12:20:00.000-0800"}],
	"eventHistory":[{"occurredAt":"2026-05-17T19:45:32Z","event":"Joined","contact":{"type":"User",
	"phoneNumber":"+14103585834","userName":"dima.p@example.com","firstName":"Dima","lastName":"Müller"}},
	{"occurredAt":"2026-05-17T19:45:33Z","event":"Joined","contact":{"type":"External",
	"phoneNumber":"+16504668888"}},{"occurredAt":"2026-05-17T19:46:10Z","event":"data",
	"data":{"added":{"case":"CASE-20417","queue":"Billing","note":"say \"hello\""}}},
	{"occurredAt":"2026-05-17T20:20:00Z","event":"Left","contact":{"type":"User",
	"phoneNumber":"+14103585834","userName":"dima.p@example.com","firstName":"Dima","lastName":"Müller"}}]}`

func storedUsual(b *testing.B) []byte {
	b.Helper()
	r, err := Decode([]byte(usual), DecodeOptions{})
	if err != nil {
		b.Fatal(err)
	}

	data, err := Encode(r)
	if err != nil {
		b.Fatal(err)
	}
	return data
}

// BenchmarkStored is what the scanner of stored recordings buys. Every page reads a hundred
// recordings as outlines, and every merge, rebuild, comparison and row of a table a whole one.
func BenchmarkStored(b *testing.B) {
	data := storedUsual(b)

	b.Run("whole, by the library", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			var r Recording
			if err := json.Unmarshal(data, &r, jsontext.AllowDuplicateNames(true)); err != nil {
				b.Fatal(err)
			}
		}
	})

	b.Run("whole, by the scanner", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			if !scanStored(string(data), new(Recording)) {
				b.Fatal("the scanner does not know what was stored")
			}
		}
	})

	b.Run("outline", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			s, err := ReadStored(data)
			if err != nil || s.Outline() == nil {
				b.Fatal("no outline: ", err)
			}
		}
	})
}
