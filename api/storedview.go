package api

import (
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"recordings/mapping"
)

// appendElement appends a comma and a stored recording: an element of a jsonList.
func (v viewer) appendElement(b []byte, s *mapping.Stored) ([]byte, error) {
	return v.appendStored(append(b, ','), s)
}

// appendStored appends a stored recording as clients see it: the same JSON as that of [viewer.recording], made of the text that
// is stored without decoding most of it.
func (v viewer) appendStored(b []byte, s *mapping.Stored) ([]byte, error) {
	o := s.Outline()
	if o == nil {
		return v.appendDecoded(b, s)
	}
	b = append(append(b, '{'), o.Numbers...)
	b, _ = o.StartTime().AppendText(append(b, `,"startTime":"`...)) // never fails
	b, _ = o.StopTime().AppendText(append(b, `","stopTime":"`...))
	b = append(b, `","mediaFiles":[`...)
	for i := range o.MediaFiles {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = v.appendMediaFile(b, o.ID, &o.MediaFiles[i]); err != nil {
			return b, err
		}
	}
	b = append(append(b, `],"eventHistory":`...), o.Events...)
	b, err := jsontext.AppendQuote(append(b, `,"region":`...), o.Region)
	if err != nil {
		return b, fmt.Errorf("encoding a region: %w", err)
	}
	return append(append(b, o.Extra...), '}'), nil
}

func (v viewer) appendMediaFile(b []byte, id string, m *mapping.OutlinedMedia) ([]byte, error) {
	b, err := jsontext.AppendQuote(append(b, `{"mediaUri":`...), v.mediaURI(id, &m.Descriptor))
	if err != nil {
		return b, fmt.Errorf("encoding the URI of a media file: %w", err)
	}
	if v.ops {
		original := []byte(m.Place)
		if public := m.Descriptor.Public(); m.Descriptor.Auth != nil || public.Path != m.Descriptor.Path {
			if original, err = json.Marshal(public); err != nil {
				return b, fmt.Errorf("encoding a media descriptor: %w", err)
			}
		}
		b = append(append(b, `,"originalMediaDescriptor":`...), original...)
	}
	b = append(append(b, ','), m.Rest...)
	return append(b, '}'), nil
}

// appendDecoded is appendStored for a text of any form.
func (v viewer) appendDecoded(b []byte, s *mapping.Stored) ([]byte, error) {
	r, err := s.Recording()
	if err != nil {
		return b, err
	}
	data, err := json.Marshal(v.recording(r))
	if err != nil {
		return b, fmt.Errorf("encoding a recording: %w", err)
	}
	return append(b, data...), nil
}
