// Plays the media files of one call as one: a position on the time axis of the call, in
// milliseconds since 1970. Files are streamed by the browser in ranges, never fetched as a whole. Nothing
// is fetched under the url that counts as listening before somebody does.

import { request } from './api.js';
import { emptyText, end, lay, momentOf, pieceAt, timeAt } from './sound.js';
import { t } from './texts.js';

/** How far one step of seeking goes, by keys and buttons, in milliseconds; long: with Shift. */
export const seekStep = (long) => (long ? 30e3 : 10e3);

/** The speeds that can be chosen. */
export const speeds = [0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.5, 3];

/**
 * The player of the files of a layout, each with its url, and another by which it is only looked into. It
 * adds { audio, problem, retryable } to them.
 * Its events: time, change, waiting, playing, and measured, when the audio of a file turned out to be of
 * another length, so that the axis is to be worked out anew.
 */
export class Player extends EventTarget {
  #playing = false;
  #frame = 0;
  #timer = 0;
  #gapSince = NaN; // when playing went on through a gap between files, by the clock of the page
  #rate = 1;
  #volume = 1;
  #loud = 1; // the volume before the sound was turned off

  #wished = NaN; // where one wanted to be last, also beyond the end of the axis

  constructor(layout) {
    super();
    this.layout = layout;
    this.files = [...layout.files].sort((a, b) => a.start - b.start);
    this.position = layout.origin;
    this.skipping = true;
    this.current = null; // the file that is heard
    this.preferred = null; // where files overlap, the one that was chosen
    for (const file of this.files)
      file.problem = file.encrypted
        ? t('sound.encrypted')
        : '';
  }

  get playing() {
    return this.#playing;
  }
  get rate() {
    return this.#rate;
  }
  get volume() {
    return this.#volume;
  }
  get playable() {
    return this.files.filter((f) => !f.problem);
  }

  set rate(rate) {
    this.#hold();
    this.#rate = rate;
    for (const f of this.files) if (f.audio) f.audio.playbackRate = rate;
    this.#changed();
  }

  set volume(volume) {
    this.#volume = volume;
    for (const f of this.files) if (f.audio) f.audio.volume = volume;
    this.#changed();
  }

  /** Turns the sound off, or on as loud as it was. */
  mute() {
    if (this.#volume > 0) this.#loud = this.#volume;
    this.volume = this.#volume > 0 ? 0 : this.#loud;
  }

  /** The file that sounds at a position, of those that can be played. */
  fileAt(position) {
    const covering = this.playable.filter((f) => pieceAt(f, position));
    return covering.includes(this.preferred) ? this.preferred : (covering[0] ?? null);
  }

  /** Gets what is needed to play the file at the position, without playing. */
  prepare() {
    const file = this.fileAt(this.position) ?? this.#nextAfter(this.position)?.file;
    if (file) this.#audio(file);
  }

  toggle() {
    return this.#playing ? this.pause() : this.play();
  }

  play() {
    if (this.position >= this.#end() - 50) this.position = this.playable[0]?.start ?? this.layout.from;
    this.#playing = true;
    this.#go();
    this.#changed();
  }

  pause() {
    this.#hold();
    this.#playing = false;
    this.#wished = this.position;
    this.current?.audio.pause();
    this.#stopClocks();
    this.#changed();
  }

  /** Goes to a position, within the call. */
  seek(position, file = null) {
    if (file) this.preferred = file;
    this.#wished = position;
    this.position = Math.max(this.layout.from, Math.min(this.layout.to, position));
    this.#gapSince = NaN;
    if (this.#playing) this.#go();
    else {
      const at = this.fileAt(this.position);
      if (at) {
        this.#use(at);
        this.#setTime(at);
      }
    }
    this.#changed();
  }

  /** Ends it: nothing is fetched or played any more. */
  close() {
    this.pause();
    for (const f of this.files) {
      if (!f.audio) continue;
      f.audio.removeAttribute('src');
      f.audio.load();
      f.audio = null;
    }
  }

  /** Tries a file again that could not be played. */
  retry(file) {
    file.problem = '';
    file.lacking = false;
    file.audio = null;
    this.#audio(file);
    this.#changed();
  }

  #end() {
    return Math.max(this.layout.from, ...this.playable.map(end));
  }

  /** The next moment after a position at which something begins to sound: { file, at }. */
  #nextAfter(position) {
    const all = this.playable.flatMap((file) => file.pieces.map((p) => ({ file, at: p.at })));
    return all.filter((p) => p.at >= position).sort((a, b) => a.at - b.at)[0];
  }

  /** Takes note of how long the audio of a file really is, in milliseconds. */
  measured(file, length) {
    if (!Number.isFinite(length) || Math.abs(length - file.length) < 20) return;
    this.#hold();
    lay(file, length);
    if (length === 0) this.#silent(file);
    this.dispatchEvent(new Event('measured'));
    if (this.#playing) this.#go();
    else this.seek(this.#wished);
  }

  /** Notes that there is nothing to be heard in a file. */
  #silent(file) {
    file.problem = file.silence || t('sound.noAudio');
    if (this.current === file) this.current = null;
    file.audio?.pause();
  }

  /** Plays from the position on. */
  #go() {
    this.#stopClocks();
    const file = this.fileAt(this.position);
    if (file) {
      this.#use(file);
      this.#hear(file);
      this.#setTime(file);
      file.audio.play().catch((error) => {
        if (error.name !== 'AbortError' && !file.problem) this.pause();
      });
      this.#tick();
      return;
    }
    this.current?.audio?.pause();
    this.current = null;
    const next = this.#nextAfter(this.position);
    if (!next) return this.#finish();
    if (this.skipping || this.files.length === 1) {
      this.position = next.at;
      return this.#go();
    }
    this.#audio(next.file);
    this.#gapSince = performance.now();
    this.#timer = setTimeout(
      () => {
        this.position = next.at;
        this.#go();
      },
      (next.at - this.position) / this.#rate,
    );
    this.#tick();
  }

  #finish() {
    this.#playing = false;
    this.#stopClocks();
    this.#changed();
  }

  /** Brings the position up to now. */
  #hold() {
    if (!this.#playing) return;
    if (this.current) this.position = momentOf(this.current, this.current.audio.currentTime * 1000);
    else if (Number.isFinite(this.#gapSince)) {
      const now = performance.now();
      this.position += (now - this.#gapSince) * this.#rate;
      this.#gapSince = now;
    }
  }

  #tick() {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => {
      if (!this.#playing) return;
      this.#hold();
      this.dispatchEvent(new Event('time'));
      this.#tick();
    });
  }

  #stopClocks() {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#timer);
    this.#gapSince = NaN;
  }

  #use(file) {
    if (this.current && this.current !== file) this.current.audio?.pause();
    this.current = file;
    this.#audio(file);
  }

  /**
   * Fetches a file as one that is listened to, from now on: until then it was only looked into, which the
   * audit log tells apart.
   */
  #hear(file) {
    if (file.audio.dataset.heard) return;
    file.audio.dataset.heard = 'true';
    file.audio.src = file.url;
  }

  #setTime(file) {
    const seconds = timeAt(file, this.position) / 1000;
    if (Math.abs(file.audio.currentTime - seconds) > 0.05) file.audio.currentTime = seconds;
  }

  #audio(file) {
    if (file.audio) return;
    const audio = new Audio();
    audio.preload = 'metadata';
    audio.src = file.previewUrl;
    audio.volume = this.#volume;
    audio.defaultPlaybackRate = this.#rate;
    audio.playbackRate = this.#rate;
    audio.preservesPitch = true;
    // What was decoded is exact; what the header says may be a guess.
    audio.addEventListener('durationchange', () => file.peaks || this.measured(file, audio.duration * 1000));
    audio.addEventListener('ended', () => this.#ended(file));
    audio.addEventListener('error', () => this.#failed(file, audio));
    audio.addEventListener('waiting', () => this.dispatchEvent(new Event('waiting')));
    audio.addEventListener('playing', () => this.dispatchEvent(new Event('playing')));
    file.audio = audio;
  }

  #ended(file) {
    if (file !== this.current || !this.#playing) return;
    const heard = file.audio.currentTime * 1000;
    if (Math.abs(heard - file.length) > 500) {
      lay(file, heard);
      this.dispatchEvent(new Event('measured'));
    }
    const next = this.playable.find((f) => f !== file && f.start >= file.start && end(f) > this.position);
    this.position = Math.max(end(file), this.position);
    if (next && next.start <= this.position) this.preferred = next;
    this.current = null;
    this.#go();
  }

  #lacking(file) {
    file.lacking = true;
    file.problem = t('sound.missing');
  }

  /** Notes that the storage does not have a file, which was found before anybody wanted to hear it. */
  lacks(file) {
    if (file.audio || file.problem) return; // it is told where it is played
    this.#lacking(file);
    file.retryable = true;
    this.#changed();
  }

  /** Notes that a file was looked into, and can be drawn if it has peaks. */
  drawn(file) {
    if (file.silence) {
      this.#silent(file);
      this.#changed();
    }
    this.dispatchEvent(new Event('drawn'));
  }

  /** Says why a file cannot be played, in the words of the API where it has some. */
  async #failed(file, audio) {
    if (file.audio !== audio) return;
    file.problem = file.silence || t('sound.unplayable');
    const was = this.#playing && this.current === file;
    if (this.current === file) this.current = null;
    this.#changed();
    if (!file.silence) await this.#explain(file);
    if (was && this.#playing) this.#go();
    this.#changed();
  }

  /** Asks the API why a file cannot be played. */
  async #explain(file) {
    try {
      const response = await request(file.previewUrl, { headers: { Range: 'bytes=0-0' } });
      await response.body?.cancel();
      const size =
        response.headers.get('Content-Range')?.split('/')[1] ?? response.headers.get('Content-Length');
      if (/^\d+$/.test(size ?? '')) file.bytes = Number(size);
      if (file.bytes === 0) file.problem = emptyText();
    } catch (error) {
      if (file.silence) return; // was found out in the meantime; a browser's own cache may have refused
      if (error.status === 404) this.#lacking(file);
      else file.problem = t('sound.unfetched', { why: error.message });
      file.retryable = true;
    }
  }

  #changed() {
    this.dispatchEvent(new Event('change'));
  }
}
