"""Uses the client that was generated from the description: posts, searches, pages, plays and deletes.

Its argument is the address of a demonstration. Everything goes through functions and models of the generated
client, so it fails where the description does not say what the service does.
"""

import base64
import sys

from recordings_client import AuthenticatedClient
from recordings_client.api.holds_and_labels import mark_recording_as_ops
from recordings_client.api.media import play_media
from recordings_client.api.recordings import (
    delete_recording,
    export_recordings,
    post_recordings,
    read_recording,
    search_recordings,
)
from recordings_client.api.sign_in import who_am_i
from recordings_client.models import (
    Done,
    Error,
    ListAnswer,
    OperationOnRecording,
    OperationOnRecordingOperationName,
    PostedRecording,
    RecordingAnswer,
)

CENTER = "a5539ef5-7dd5-4150-818f-ee1bcd447cbe"
ID = "generated/client: 100 %"  # any text is an id


def client(name):
    token = base64.b64encode(f"{name}:{name}".encode()).decode()
    return AuthenticatedClient(base_url=sys.argv[1], token=token, prefix="Basic", raise_on_unexpected_status=True)


ops, admin = client("ops"), client("admin")


def only(answer, kind):
    assert isinstance(answer, kind), answer
    return answer


def recording(**changed):
    return PostedRecording.from_dict(
        {
            "id": ID,
            "callerPhoneNumber": "+16505557777",
            "dialedPhoneNumber": "+14155551234",
            "region": only(who_am_i.sync(client=ops), object).user.region,
            "mediaFiles": [
                {
                    "mediaDescriptor": {"storage": "awsS3", "path": "generated.mp3", "data": {"bucket": "none"}},
                    "callUUID": "generated",
                    "startTime": "2013-05-17T11:45:32.000-0800",
                    "stopTime": "2013-05-17T14:15:36.000-0800",
                }
            ],
            "eventHistory": [
                {
                    "occurredAt": "2013-05-18T22:25:56.000+0000",
                    "contact": {
                        "type": "User",
                        "phoneNumber": "+14103585834",
                        "userName": "dima.p@example.com",
                        "firstName": "Dima",
                        "lastName": "Pokh",
                    },
                    "event": "Left",
                }
            ],
            **changed,
        }
    )


# Posting, and what is wrong with a post.
assert only(post_recordings.sync(CENTER, client=ops, body=recording()), Done).status_code == 0
wrong = only(post_recordings.sync(CENTER, client=ops, body=recording(region="")), Error)
assert wrong.status_code == 2 and "region" in wrong.status_message, wrong

# Searching, and reading.
found = only(search_recordings.sync(client=admin, caller_phone_number="*5557777", total=True), ListAnswer)
assert [r.id for r in found.recordings] == [ID] and found.total == 1, found
assert found.recordings[0].media_files[0].call_uuid == "generated"
read = only(read_recording.sync(ID, client=admin), RecordingAnswer)
assert read.recording == found.recordings[0]

# Paging through everything: each recording once, the newest first.
seen, offset = [], 0
while True:
    page = only(search_recordings.sync(client=admin, start_time="0", limit=100, offset=offset), ListAnswer)
    seen += [(r.start_time, r.id) for r in page.recordings]
    if not page.next_uri:
        break
    offset += 100
assert len(seen) > 1000 and len(set(seen)) == len(seen)
assert [start for start, _ in seen] == sorted((start for start, _ in seen), reverse=True)
exported = export_recordings.sync_detailed(client=admin, start_time="0").content.splitlines()
assert len(exported) == len(seen) + 1, (len(exported), len(seen))

# Playing the newest of the demonstration, whole and in part.
newest = only(search_recordings.sync(client=admin, start_time="0", limit=1), ListAnswer).recordings[0]
media = newest.media_files[0].media_uri.rsplit("/", 1)[1]
whole = play_media.sync(newest.id, media, client=admin).payload.read()
part = play_media.sync_detailed(newest.id, media, client=admin, range_="bytes=100-199")
assert part.status_code == 206 and part.content == whole[100:200] and len(whole) > 1000

# Deleting: not what is held, and then for good.
for name in ("applyNonDelete", "unapplyNonDelete"):
    body = OperationOnRecording(operation_name=OperationOnRecordingOperationName(name))
    only(mark_recording_as_ops.sync(CENTER, ID, client=ops, body=body), Done)
    if name == "applyNonDelete":
        assert only(delete_recording.sync(CENTER, ID, client=ops), Error).status_code == 3
assert delete_recording.sync(CENTER, ID, client=ops).status_code == 0
assert only(read_recording.sync(ID, client=admin), Error).status_code == 6
assert only(delete_recording.sync(CENTER, ID, client=admin), Error).status_code == 5

print(f"{len(seen)} recordings")
