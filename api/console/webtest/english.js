// Has the modules speak English, before any of them is asked for: node --import ./english.js.

import { useTexts } from '../web/texts.js';
import { textsOf } from './texts.js';

useTexts(textsOf('en'), ['en-US']);
