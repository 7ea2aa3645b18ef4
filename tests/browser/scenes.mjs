// What a reader of dashboards does, and what must not happen to one, in a real Chromium.
//
// usage: CHROMIUM=PROGRAM scenes.mjs MODULES PORT PAGES, where MODULES has the packages, PAGES the files that are shown at PORT
import './charts.mjs';
import './inputs.mjs';
import './layout.mjs';
import './live.mjs';
import './looks.mjs';
import './multiples.mjs';
import './hostile.mjs';
import './edit.mjs';
import './maps.mjs';
