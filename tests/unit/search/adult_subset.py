"""Which rows of Adult make the tenth that published optima with presence models were measured on.

Row numbers alone, found by holding adult_subset.csv (ARX 3.x, Apache-2.0, its test data) against adult.csv: every row of
the one stands in the other, in the same order. Kept as the gaps between the 3,016 numbers.
"""

from __future__ import annotations

import base64
import zlib

import numpy as np

from jalousie.tables.types import Counts

_GAPS = (
    r"c-j?K*={4p6~$d^uj-Xeks?QurCDPbaBK%jfFMrZ^Z%cd!v_H(S>1J)vt73|h%|W4pQ?JH(DSD>7Vnw0YoZ>D%(o$l$a$Xmm1h$f4ZoOmJ*<S8"
    r">dK<`z6_HZGgWWumUGRi&#bpnqV<08kEf8=x#Y+x$AjnQlH!z`C`m9Hq8AGiIdbs#7<HWPK^yMYnl3XJW@$glR}EQN^HrwT)%%m}N-CEr{cj__"
    r"7S<?)YB`PXYj3}@j&~;ZsIwS7I~AEI$>c5MoZ_&H)0)1cJ4%cL;h;<`GO2~>jV~nXY;u1VorsxK>zS(1y!edLZK`52a~EMh4$G#l=zh>(Yn`lU"
    r">vLivxd)W7sC`_7@A!i46xNUMI38p(!}E6)k7U}T28^67<L;Ihe$vvKQKwx7@j|n<l6G%33I4*h#6`^ezjeVfD|7q%qXQw#f==^fWP4hN>xG+$"
    r";Y1dfIo-Euu<$!cd6m}U)RNT}HClQyl;}ivj>YuE7E~?be=6r^_IZ+jgxyO~_wd@{?_Pv%5;Lc8<iAZbW&T81ggl0gx&88NR<Z{MaHtn-P>S`S"
    r"r4B4q(mdVIRU_4)(b>~BiliS_V{0#Dfv@iXPBeN7YOH1&d%J51lg5SYh?m^);=y0y5%6-AH^LY%rkb@(q?u7f@%GJ4DQsjdv5R=-YiP11@y9@l"
    r"wVO8y>)1Ax<azC>>j~(P#P6U)kdQzC6Y_;PZjui2Z?u_cNadT26kXID5STozT>_ekaYT#y3oz(QVXNY6k)KjrZQ?)^kd2nSMk?5C-5x9I69a<S"
    r"K?Qiu#pSCCPR%)&1r2ZlOpHUJd?b2NY6swX0&3EV=Qrj|5{Zjz@-npoc+zAS^xa=}rxY%Ul^g$>;}iF^R%#JzP<j`j%`Osy?b}6^hxo11C{!z<"
    r"ab9I<HME=DtI`R;#(P%GZtA`8Bq~B>!z&wUMboMBJb^)&7?q5rmzE$b0BIh>DlHxoR<0aEu(J7g&xB9MtG^EYauO~hk^h-92Frdby?Sgy6DzP6"
    r">SrfhmDzNO`i{n34$p(1-mx;VKhS{hJ5eMhdu_vBCyqAF0Z*AbJwHcURt$;LX=yvzwi2H|gBI<1l3S8^o|bTc;6*`}IgM?FRzN^fp^eto8)kAm"
    r"l;P>6SsFOlp&v6?6J-pIc?4QRIAi{6Fl*swh#ct(axqWkC)~#+2BL*qC_1m)V)#R1!_bNax@I+?lQms37?r+7Fg>&*e5(|Fz4|gzAjnREz~p?g"
    r"g&8sqK!G+V!@!5v%bG<CHK>qmq8YMFWcdLu$`M`A)*du}Ft*$DV)Y0=s1kavGnmgyX{a;38NX_PFoD-@5OUz00HY8dvYD9ASUY5A)24mW9O%0x"
    r"8b0E0&%4nLMxnf?katKN2C&W2>9{WeUvZBUV3N<Ca%e$azNL&J+syKy(D%NRfLyY7byRzqA<8>?euyudfutotw!J=NW@){gA`#6AxZ(-A>XplC"
    r"kb;NN$+R=Ri(zvD+(ZY?Brp)FsY`~&Qkdf{b0u0eDns<aepD5(DQT3TV<_ev^}OFKa|W$Z$hCg5vrox4K%30qZA|+);KPz3VB*~YXsAGm&@sz^"
    r"H|KRdXa%v)&~HE~NDha1f%DNHrvQP7sND)?3lr&d!rV=(fAF_deGd=u*ki%Iq~q0bl?Qgf9rcJk9m|2Wo-w-zG(}DXH1O2G-8Q%I7TKmyVL`e4"
    r"XYZ|?p5s+`nq6g;?V{Ux%dn;ZPxb)9J;#16+oMvsd;$d-31QFq-4h%HSe7`Fel)D@>(0MQ2YP7SJ`W(Xo--ms^f<x`1TPAl#qwIVj~fIT?yWO~"
    r"4luCi6*rdo<-@%>q_4z|Q~{U<-`}tYmYMWJ8Me;N_>5^KSP7tMS_<*Y<vV2mcBL3f!IMy6ZLuBgJ*VFsix<li0#5Wk*%e1sQ_+j&IPFp?Yvl&B"
    r"nl|8edy}gT>@j>EkoBOjVWb!4cjO~V;}whLB>LZXoujtDU{4)d`0x;@+Fm3-5&-JL7@zFC>SpJlFkySGAhX#4N>zs=0Ftb4qOsN*kMp&vJtf6<"
    r"wxL#{#79sW`CpyV6ipgpM)(u7^MGI$PHP-aci;;~4ua|O^n}QQgav|9sRcDE)E4%PIf0DBV7@RP21=CedY;P%LAF3NEZ6A-dq*})$WfHmbNp_8"
    r"%T1?$LT9~4m^1=UenAlU<f|aj-Ip(A0Ip|?m#Qt@g5I@%`Rva~5Vmv|TB3m0k&ljS0pkU=#^l?eX@pOs^NgFR<+SQg4g8rFR0d0o#gRM931+zf"
    r"H}*4_SOY+F>U;U?$4NqYGbj&SieCuJu?$SZ_>zmUR7Ic|rOk3|Uz);=Qf@D&hFTxZ>Vmm`jUat41d+sJH?@Sg3#b{#@O+ygsG{?fM-*61fNGDY"
    r"w6j}X<YN4Gq)`0#Xd7}2b{k<&$Xe-GDm*>K-A-UFd>aP2gTNHXJuM<Vux!)?g`?aUPN83&_z^?r)-TA>@#h5_G`_*-YWo>MyG&5!a!rsYP~rdH"
    r"{B_I"
)


def subset_rows() -> Counts:
    """(3016,) numbers of the rows, counted from 0, rising."""
    gaps = np.frombuffer(zlib.decompress(base64.b85decode(_GAPS)), np.uint8).astype(np.int64)
    return np.cumsum(gaps) - 1
